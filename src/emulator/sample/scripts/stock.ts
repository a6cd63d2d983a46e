const TEXT = `/*
 * Stock levels from NetSuite to the web shop.
 * Written on Windows: lines end in CR LF, please leave them so.
 */

// What the shop must never sell: kept for the stores.
var SAFETY_STOCK = { TENT: 2, SKI: 1 };

function safetyStockOf(sku) {
  var prefix = String(sku).split('-')[0];
  return SAFETY_STOCK[prefix] || 0;
}

/* One record per item and location comes in; one per item goes out. */
function sumLocations(options) {
  var bySku = {};
  options.data.forEach(function (row) {
    var sku = row.itemid;
    if (!bySku[sku]) {
      bySku[sku] = { sku: sku, itemId: row.internalid, qty: 0, locations: [] };
    }
    bySku[sku].qty += Number(row.locationquantityavailable || 0);
    bySku[sku].locations.push(row.inventorylocation);
  });

  var data = Object.keys(bySku).map(function (sku) {
    var item = bySku[sku];
    item.qty = Math.max(0, item.qty - safetyStockOf(sku));
    return item;
  });
  return { data: data, errors: options.errors, abort: false, newErrorsAndRetryData: [] };
}

/* The shop answers 422 for articles that are archived there: no reason to keep an error open. */
function afterStock(options) {
  options.responseData.forEach(function (response) {
    if (response.statusCode === 422) {
      response.ignored = true;
      response.errors = [];
    }
  });
  return options.responseData;
}
`;

export const STOCK_HOOKS = TEXT.replaceAll('\n', '\r\n');
