import type { JsonObject } from '../../../core/json.ts';
import { sandboxed } from '../build.ts';
import { ids } from '../ids.ts';
import { ORDER_HOOKS, ORDER_ROUTER } from './orders.ts';
import { PARTNER_HOOKS } from './partners.ts';
import { API_HANDLERS, SUPPORT_HOOKS } from './service.ts';
import { RATES, SETTINGS_FORM } from './settings.ts';
import { STOCK_HOOKS } from './stock.ts';

function script(id: string, name: string, description: string, content: string, more: JsonObject = {}): JsonObject {
  return sandboxed(id, { name, description, content, ...more });
}

export const scripts: readonly JsonObject[] = [
  script(ids.scripts.orders, 'Web order hooks', 'All hooks of the order and refund flows.', ORDER_HOOKS),
  script(ids.scripts.stock, 'Stock hooks', 'Sums locations, keeps safety stock.', STOCK_HOOKS),
  script(ids.scripts.router, 'Order router', 'Branches of the order flow.', ORDER_ROUTER),
  script(ids.scripts.settings, 'Settings of Webshop / ERP', '', SETTINGS_FORM),
  script(ids.scripts.partners, 'Trading partner hooks', 'EDI 850, 856 and 997.', PARTNER_HOOKS, {
    debugUntil: '2026-04-14T09:00:00.000Z',
  }),
  script(ids.scripts.api, 'API handlers', 'Health check and the old till API.', API_HANDLERS),
  script(ids.scripts.support, 'Ticket hooks', 'Trims tickets before a model reads them.', SUPPORT_HOOKS),
  script(ids.scripts.rates, 'Exchange rates', 'Units of the bank to units of the ERP.', RATES),
];
