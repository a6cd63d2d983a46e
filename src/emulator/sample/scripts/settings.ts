import { ids } from '../ids.ts';

/** The settings form of the shop integration. Names two resources of the account by their id. */
export const SETTINGS_FORM = `import { exports as exporter } from 'integrator-api';

/*
 * Settings of "Webshop to ERP".
 *
 * prepareForm fills the list of subsidiaries; validateSettings runs before the settings are saved.
 * The list of subsidiaries is read through the credit look-up: GET /v1/exports/${ids.exports.creditLookup}
 */
const CREDIT_LOOKUP = '${ids.exports.creditLookup}';
const STOCK_IMPORT_URI = '/v1/imports/${ids.imports.shopStock}';

const SUBSIDIARIES = [
  { label: 'Fjellrand Norge AS', value: '2' },
  { label: 'Fjellrand Sverige AB', value: '5' },
  { label: 'Fjellrand Deutschland GmbH', value: '7' },
];

function prepareForm(options) {
  const form = options.resource.settingsForm.form;
  form.fieldMap.subsidiary.options = [{ items: SUBSIDIARIES }];
  // Monitors see the form, but nothing they could change.
  form.fieldMap.safetyStock.helpText = 'Used by ' + STOCK_IMPORT_URI;
  return form;
}

function validateSettings(options) {
  const settings = options.newResource.settings || {};
  const stock = Number(settings.safetyStock);
  if (!Number.isInteger(stock) || stock < 0 || stock > 50) {
    throw new Error('Safety stock is a whole number between 0 and 50');
  }
  if (settings.verifyCredit === true) {
    // A dry run: throws when the database cannot be reached, so that nobody saves a setting that cannot work.
    exporter.run({ _id: CREDIT_LOOKUP, mockData: [{ email: 'nobody@fjellrand.example.com' }] });
  }
  return options.newResource;
}
`;

/** Hooks of the exchange-rate flow. */
export const RATES = `/*
 * Exchange rates: the bank quotes foreign currency for 1 or 100 units; NetSuite wants 1.
 */
const PER_HUNDRED = ['SEK', 'DKK', 'JPY'];

function normaliseRates(options) {
  const errors = options.errors || [];
  const data = [];
  for (const row of options.data) {
    // On bank holidays the feed repeats the header and sends empty values.
    if (!(Number(row.rate) > 0)) {
      errors.push({ code: 'NO_RATE', message: 'No rate for ' + row.currency + ' on ' + row.date });
      continue;
    }
    const divisor = PER_HUNDRED.includes(row.currency) ? 100 : 1;
    data.push({ currency: row.currency, date: row.date, rate: Number((row.rate / divisor).toFixed(6)) });
  }
  return { data: data, errors: errors, abort: false, newErrorsAndRetryData: [] };
}

// The catalogue feed answers a submit with a bare job number.
function jobOf(options) {
  return { id: String(options.record.job || options.record) };
}
`;
