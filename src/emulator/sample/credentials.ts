import { PEOPLE } from './people.ts';

/**
 * Every credential planted in the sample, none of them real. Documents take them from here, so that the list
 * below is complete by construction. Those of several lines (keys) are represented by their inner line.
 */
export const credentials = {
  shopToken: 'shp-sample-4f0c77ae19d25b',
  shopRefreshToken: 'shr-sample-b81e0d6634fa90',
  shopApiSecret: 'shx-sample-50d9e3c1a7f288',
  appShopToken: 'sha-sample-c27b90e85d1f43',
  netsuiteTokenId: 'sample-nst-3d81c05be7-4a96z0bd41-c7e2a85f13',
  netsuiteTokenSecret: 'sample-nss-90ac17f5d3-84b6z2a1c0-7d9be4f652',
  netsuiteConsumerKey: 'sample-nck-7be20c94d1-5f4az38e6b-1d0c92f7e4',
  netsuiteConsumerSecret: 'sample-ncs-e14f8a07c6-d243zb59a7-e0f31bd8c6',
  salesforceRefreshToken: 'sfr.sample.0Pq9ZkLmT4wXyB7',
  salesforceBearerToken: 'sfb.sample.7Hn2VbQsE8rKcD1',
  salesforceClientSecret: 'sfc-sample-8841260937155',
  hartmannKeyBody: 'c2FtcGxlLW9ubHktbm90LWEta2V5LWhhcnRtYW5u',
  hartmannPgpKeyBody: 'c2FtcGxlLW9ubHktbm90LWEtcGdwLWtleS0x',
  hartmannPgpPassphrase: 'sample-grey-otter-under-pine-71',
  mollerPassword: 'sample-Fj0rd!port-22',
  warehousePassword: 'sample-wh-reader-9Qd7',
  warehouseCaBody: 'c2FtcGxlLW9ubHktbm90LWEtY2VydGlmaWNhdGU',
  deskToken: 'dsk-sample-91f7ab20cc64',
  deskRefreshToken: 'dsr-sample-3be805d2f19a',
  deskRefreshClientSecret: 'dsx-sample-7700af4e6b12',
  deskClientSecret: 'dsc-sample-cd5190ba83e7',
  deskPlanKey: 'dpk-sample-2e64f7b1908c',
  alertBasic: 'c2FtcGxlLXVzZXI6c2FtcGxlLXBhc3N3b3Jk',
  alertBearer: 'alb-sample-0b7d3f95e2c8',
  alertApiKey: 'alk-sample-66c1d0e8f3a5',
  carrierPassword: 'sample-parcel-Lynx-64',
  ratesPassword: 'sample-rates-Kr0ne$88',
  ratesUrlPassword: 'sample-url-pw-5e1d',
  crmMcpToken: 'mcp-sample-f28c4d7109be',
  tillSiteKey: 'till-sample-a09e5c3d7b14',
  celigoToken: 'clg-sample-d61b3a0f92c74e85',
  bergenAgentToken: 'agt-sample-18ef03c9d57a42b6',
  gothenburgAgentToken: 'agt-sample-f7304bc85e1d96a2',
  stackSystemToken: 'stk-sample-95b0e7d142fa',
  lambdaSecretKey: 'lam-sample-SECRET-04x81yQ',
  refundHookKey: 'whk-sample-7ac05f1e93bd',
  ticketHookToken: 'whs-sample-b3e9d2046f8c',
  carrierHookToken: 'wht-sample-0f57c8ae21d9',
  carrierHookPassword: 'whp-sample-harbour-gull-5',
  reportHeaderToken: 'rpt-sample-e8a46d0b7f31',
  isaAuthorisation: 'SMPLAUTH77',
  isaSecurity: 'SMPLCODE42',
  backupApiToken: 'api-sample-c49d70e1b8f25a36',
  shopFormsApiToken: 'api-sample-07e3ab9f6d14c852',
  retiredApiToken: 'api-sample-5f82d06b3ce9a471',
  ssoClientSecret: 'sso-sample-ba6e10f97d43',
  mcpOAuthClientSecret: 'mco-sample-2d95c7e08f1b',
  shipworksPassword: 'swk-sample-tin-lantern-30',
} as const;

export const sampleCredentials: readonly string[] = [
  ...Object.values(credentials),
  ...PEOPLE.map((person) => person.token),
];

/** A block as in key files. Put together here, so that no scanner takes this source for one. */
export function pem(kind: string, body: string): string {
  const dashes = '-'.repeat(5);
  return `${dashes}BEGIN ${kind}${dashes}\n${body}\n${dashes}END ${kind}${dashes}\n`;
}
