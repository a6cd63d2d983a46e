/** Hooks of the order flow, in the order in which the platform calls them. */
export const ORDER_HOOKS = `/*
 * Orders: web shop to NetSuite.
 *
 *   preSavePage      drops test orders, flattens gift wrapping into an order line
 *   preMap           checks what NetSuite would reject with an unreadable message
 *   postResponseMap  decides whether finance has to look at the order
 *   postSubmit       turns "already exists" into a success
 */

const TEST_CUSTOMERS = ['qa@fjellrand.example.com', 'demo@fjellrand.example.com'];
const WRAPPING_SKU = 'SERVICE-GIFT-WRAP';

function isTestOrder(order) {
  if (order.test === true) return true;
  return TEST_CUSTOMERS.indexOf((order.email || '').toLowerCase()) !== -1;
}

// The shop stores gift wrapping as a note attribute; the ERP wants a line with a price.
function withWrapping(order) {
  const notes = order.note_attributes || [];
  const wrap = notes.find((note) => note.name === 'gift_wrap' && note.value === 'yes');
  if (!wrap) return order;
  const line = { sku: WRAPPING_SKU, quantity: 1, price: '49.00', requires_shipping: false };
  return Object.assign({}, order, { line_items: order.line_items.concat([line]) });
}

/*
 * options.data: the records of one page.
 * Returns the page to keep. Errors go to the flow's error list; they do not stop the page.
 */
function preSavePage(options) {
  const errors = options.errors || [];
  const data = [];

  for (const order of options.data) {
    if (isTestOrder(order)) continue;
    if (!Array.isArray(order.line_items) || order.line_items.length === 0) {
      errors.push({ code: 'ORDER_WITHOUT_LINES', message: 'Order ' + order.name + ' has no lines' });
      continue;
    }
    data.push(withWrapping(order));
  }

  return { data: data, errors: errors, abort: false, newErrorsAndRetryData: [] };
}

function problemsOf(order) {
  const problems = [];
  if (!order.customer || !order.customer.id) {
    problems.push({ code: 'NO_CUSTOMER', message: 'The order was placed without a customer' });
  }
  const address = order.shipping_address || {};
  if (!address.country_code) {
    problems.push({ code: 'NO_COUNTRY', message: 'The shipping address has no country' });
  }
  if (order.currency === 'NOK' && address.country_code === 'DE') {
    // Seen when a storefront switch is interrupted: the total would be booked in the wrong currency.
    problems.push({ code: 'CURRENCY_MISMATCH', message: 'German address, price in NOK' });
  }
  return problems;
}

function preMap(options) {
  return options.data.map((order) => {
    const problems = problemsOf(order);
    return problems.length > 0 ? { errors: problems } : { data: order };
  });
}

// Credit limits come from the warehouse database, in øre.
function markForReview(options) {
  return options.postResponseMapData.map((order) => {
    const limit = Number(order.creditLimit || 0) / 100;
    const total = Number(order.total_price || 0);
    order.needsReview = order.b2b === true && total > limit;
    order.reviewReason = order.needsReview ? 'over limit by ' + (total - limit).toFixed(2) : '';
    return order;
  });
}

function postSubmit(options) {
  return options.responseData.map((response) => {
    const duplicate = (response.errors || []).some((error) => error.code === 'DUP_RCRD');
    if (!duplicate) return response;
    return { statusCode: 200, id: response.id, ignored: true, errors: [] };
  });
}
`;

/** Router of the order flow: branches by index. */
export const ORDER_ROUTER = `/*
 * Chooses the branches an order takes after it was checked.
 * Indexes follow the order of the branches on the canvas: 0 book it, 1 parcel address, 2 finance review.
 */
const ERP = 0;
const ADDRESS = 1;
const REVIEW = 2;

function pickBranches(options) {
  const order = options.record;
  if (order.decision === 'review' || order.needsReview) return [REVIEW];

  const branches = [ERP];
  const address = order.shipping_address || {};
  // Parcel lockers have no street, so there is nothing to check.
  const locker = /^(locker|pakkeboks)/i.test(address.address1 || '');
  if (!locker && order.requires_shipping !== false) branches.push(ADDRESS);
  return branches;
}
`;
