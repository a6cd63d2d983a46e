/** Everything around EDI files. */
export const PARTNER_HOOKS = String.raw`/*
 * Trading partners: file selection, X12 odds and ends, acknowledgements.
 * Used by the abstract partner flow, so a change here reaches every partner at once.
 */

// Partners leave temporary files behind while they upload.
const TEMPORARY = /(\.tmp|\.part|~)$/i;

function isComplete(options) {
  const meta = options.fileMeta || {};
  if (TEMPORARY.test(meta.fileName || '')) return false;
  return Number(meta.fileSize || 0) > 0;
}

// "20260131" -> "2026-01-31"; anything else is handed on as it came.
function isoDate(text) {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(text || '');
  return match ? match[1] + '-' + match[2] + '-' + match[3] : text;
}

/*
 * One 850 holds N1 loops for buyer, ship-to and bill-to, told apart by a code.
 * The mapper should not have to know that.
 */
function partiesOf(order) {
  const codes = { BY: 'buyer', ST: 'shipTo', BT: 'billTo' };
  const parties = {};
  for (const loop of order.N1 || []) {
    const role = codes[loop.N101];
    if (role) parties[role] = { name: loop.N102, gln: loop.N104, city: loop.N4 ? loop.N4.N401 : '' };
  }
  return parties;
}

function readOrders(options) {
  const data = options.data.map((order) => ({
    poNumber: order.BEG.BEG03,
    orderedOn: isoDate(order.BEG.BEG05),
    parties: partiesOf(order),
    lines: (order.PO1 || []).map((line, index) => ({
      line: line.PO101 || String(index + 1),
      quantity: Number(line.PO102),
      price: Number(line.PO104),
      gtin: line.PO107,
    })),
  }));
  return { data: data, errors: options.errors, abort: false, newErrorsAndRetryData: [] };
}

// Weights: the partner counts in grams, NetSuite in kilograms.
function shipNoticeLines(options) {
  return options.data.map((notice) => {
    let grams = 0;
    for (const line of notice.lines || []) {
      grams += Math.round(Number(line.weight || 0) * 1000) * Number(line.quantity || 0);
    }
    return { data: Object.assign({}, notice, { totalGrams: grams, packages: (notice.packages || []).length || 1 }) };
  });
}

/*
 * AK5/AK9 of a 997: A accepted, E accepted with errors, R rejected.
 * A rejection is an error for people; the rest is bookkeeping.
 */
function acknowledge(options) {
  return options.postResponseMapData.map((ack) => {
    const status = { A: 'accepted', E: 'accepted with errors', R: 'rejected' }[ack.code] || 'unknown';
    return Object.assign({}, ack, { status: status, alert: ack.code === 'R' });
  });
}

// Handed to the connection of a partner that sends several document types into one folder.
function routeFile(options) {
  const name = options.fileName || '';
  if (/^997/.test(name)) return 'acknowledgements';
  return /^850/.test(name) ? 'orders' : 'unknown';
}
`;
