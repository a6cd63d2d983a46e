import { describe, expect, it } from 'vitest';
import { credentialsIn } from '../../src/core/credential-text.ts';
import { findCredentials } from '../../src/lint/find-credentials.ts';

/** Put together here, so that no scanner takes this source for one that holds credentials. */
const j = (...parts: string[]): string => parts.join('');
const HEX20 = j('9f8a7b6c', '5d4e3f2a1b0c');
const HEX28 = j(HEX20, '9f8a7b6c');
const HEX64 = j('3a91c07be5d2486f', 'b1e07c94a2f35d68', '0c7e91b4d3a8f526', '7bd04e19c5a2f863');
const MIXED = j('k7Qz', '93hLmN20xWp4');
const WEAK = j('Summer', '2026!x');

/** What stands in code and configuration, and what of it is a credential. */
const CREDENTIALS: readonly (readonly [text: string, value: string])[] = [
  [`const secretKey = "${HEX20}";`, HEX20],
  [`const token = "${HEX28}";`, HEX28],
  [`headers['X-Api-Key'] = '${HEX20}';`, HEX20],
  [`headers.Authorization = 'Token ${HEX20}9f8a';`, `Token ${HEX20}9f8a`],
  [`https.get({ url: 'https://api.shop.test/v1/orders?limit=5&api_key=${HEX20}' });`, HEX20],
  [`const cfg = {"consumer_key":"${HEX64}","account":"1234567_SB1"};`, HEX64],
  [`var login = { user: 'svc-erp', password: "${j('Sum$er', '2026!x')}" };`, j('Sum$er', '2026!x')],
  [`const settings = { list: [{ name: 'X-Api-Key', value: '${HEX20}' }] };`, HEX20],
  [`{"key":"client_secret","value":"${MIXED}"}`, MIXED],
  [`body: "{\\"api_key\\": \\"${MIXED}\\"}",`, MIXED],
  [`const apiKey =\n  '${HEX20}';`, HEX20],
  [`'Authorization': 'Basic ' + '${j('dXNlcjpw', 'YXNzd29yZDEyMw==')}'`, j('dXNlcjpw', 'YXNzd29yZDEyMw==')],
  [`Authorization: Basic ${j('c3ZjOmg0', 'bmQ=')}`, `Basic ${j('c3ZjOmg0', 'bmQ=')}`],
  [`headers: { authorization: \`Bearer ${MIXED}9Zt1\` }`, `Bearer ${MIXED}9Zt1`],
  [`var TOKEN_SECRET_PROD = '${HEX64}'; // TBA`, HEX64],
  [`var tokenId = rec.id, tokenSecret = '${HEX64}';`, HEX64],
  [`OAuth realm="1234567", oauth_consumer_key="${HEX64}"`, HEX64],
  [`request.setRequestHeader("X-Shopify-Access-Token", "${MIXED}");`, MIXED],
  [`headers.set('Ocp-Apim-Subscription-Key', '${HEX28}4d1f');`, `${HEX28}4d1f`],
  [`conn.setPassword('${WEAK}');`, WEAK],
  [`const SF_PASSWORD: string = '${WEAK}';`, WEAK],
  [`<urn:login><urn:username>a@b.test</urn:username><urn:password>${WEAK}</urn:password>`, WEAK],
  [
    `grant_type=password&client_id=${j('3MVG9', 'lKcPoNINVB')}&client_secret=${j('82736450', '19283746501')}`,
    j('82736450', '19283746501'),
  ],
  [`const secret = process.env.HOOK_SECRET || '${MIXED}';`, MIXED],
  [`if (options.settings.webhookSecret !== '${MIXED}') throw new Error('no');`, MIXED],
  [`Server=sql.test;User Id=etl;Password=${WEAK};Encrypt=true`, WEAK],
  [
    `const url = 'https://acme.blob.test/x?sv=2026-01-01&sig=${j('pX4tQ9zLm2', 'Vb7Rk1Wc8Yd3')}%3D';`,
    `${j('pX4tQ9zLm2', 'Vb7Rk1Wc8Yd3')}%3D`,
  ],
  [
    `aws_secret_access_key = '${j('wJalrXUtnFEMI/K7MDENG', '/bPxRfiCYT9ZKEY1Z2')}'`,
    j('wJalrXUtnFEMI/K7MDENG', '/bPxRfiCYT9ZKEY1Z2'),
  ],
  [
    `api.key = x; api_key: '${j('3f2504e0-4f89', '-41d3-9a0c-0305e82c3301')}'`,
    j('3f2504e0-4f89', '-41d3-9a0c-0305e82c3301'),
  ],
  [`smtp: { user: 'x', pass: '${j('Wint3r', 'Hike')}' }`, j('Wint3r', 'Hike')],
  [`const passphrase = '${j('abc<1>', 'defgh9')}';`, j('abc<1>', 'defgh9')],
];

const HARMLESS: readonly string[] = [
  '// Basic authentication/authorization is done by the connection',
  '// uses Bearer token-based-authentication',
  '// Basic responsibilities of this hook: enrichment, validation',
  '/* The Token authentication2factor flow is described in the wiki */',
  "const api_key = 'custrecord_shop_api_key_2';",
  "var token = rec.getValue({ fieldId: 'custscript_wms_tok_2' });",
  "const secret = runtime.getCurrentScript().getParameter({ name: 'custscript_ns_secret_1' });",
  "const password = 'custentity_pw_hash_2';",
  'const accessToken = record.Shop_Access_Token_2__c;',
  "const apiKey = 'Shop_Api_Key_2__c';",
  'const tokenUrl = "https://x.test/oauth2/token";',
  "const tokenType = 'Bearer2Token4You99';",
  "const passwordField = 'user_password_2';",
  'const api_key_name = "X-Shopify-Access-Token-2";',
  "const secret = 'settings.shop_secret_2';",
  "const token = 'continuationToken';",
  "const nextPageToken = 'b3JkZXJzOjIwMjY6MTI4Nzk5';",
  'const apiKey = "{{connection.http.key1}}";',
  'Authorization: Bearer {{{connection.http.encrypted.token1}}}',
  'const apiKey = "<your-api-key-1234>";',
  "const apiKey = 'your-api-key-1234';",
  "const clientSecret = 'xxxxxxxx-xxxx-1234-xxxx-xxxxxxxxxxxx';",
  'const url = `https://api.shop.test/v1?api_key=${settings.apiKey2}`;',
  'headers.Authorization = `Bearer ${options.settings.token1}`;',
  'mask(password = "********12a");',
  'throw new Error(\'api_key: "missing_field_1"\');',
  "const labels = { password: 'Kennwort:', secret: 'Geheimnis', token: 'Merkzeichen' };",
  "if (record.password === 'Required!') return;",
  "const key = '64f0c0ffee64f0c0ffee64f0'; // an id",
  "const token = '64f0c0ffee64f0c0ffee64f0';",
  "const signingKey = 'rsa-sha256-2048';",
  "const credential = 'urn:ietf:params:oauth:grant-type:jwt-bearer';",
  "const secret = 'vault:kv/data/shop#token2';",
  "search.create({ type: 'customrecord_api_token2', columns: ['custrecord_token_key2'] });",
  'const q = "SELECT Id, Api_Token_2__c FROM Shop__c WHERE Token = \'abc\'";',
  "mutation { storefrontAccessTokenCreate(input: { title: 'web2026' }) { shop { id } } }",
  "const token = crypto.createHmac('sha256', options.settings.secret2).digest('base64');",
  "const apiKey = 'process.env.SHOP_API_KEY_2';",
  "{ name: 'tokenType', value: 'Bearer12Bearer34' }",
  "{ id: 'apiKey', type: 'text', label: 'API key (see docs 2.1)' }",
  '<password>{{{connection.http.unencrypted.pw1}}}</password>',
  '<tokenType>urn:SAML:2.0:bearer99</tokenType>',
  "const hidden = ['user.password', 'data[0].secret', 'users.*.credentials.apiKey'];",
  '"aria-label": { "pass": "aria-label属性が存在し、空ではありません2" }',
  'amqp://user:password@mq.test, postgres://app:xxxxxx@db.test/app',
  'n.keyCode===56?o.key=r.C0.DEL+n2.escape9:o.token=abc12345.get()',
  "const secret = '{shop_secret_7}';",
  'GET /orders?token_type=bearer2026x&page_token=abc123def456ghi',
];

describe('a credential', () => {
  it.each(CREDENTIALS)('is found, and nothing next to it: %s', async (text, value) => {
    const found = await findCredentials(text);
    expect(found.map(({ start, end }) => text.slice(start, end))).toContain(value);
    expect(credentialsIn(text).map(({ start, end }) => text.slice(start, end))).toEqual([value]);
  });

  it.each(HARMLESS)('is not seen where there is none: %s', async (text) => {
    expect(credentialsIn(text).map(({ start, end }) => text.slice(start, end))).toEqual([]);
    expect(await findCredentials(text)).toEqual([]);
  });
});
