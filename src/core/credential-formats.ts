import { looksSecret } from './secret-words.ts';

/** A format by which a credential is recognised, wherever it is. */
interface CredentialFormat {
  /** What people call it. */
  readonly kind: string;
  /**
   * Global. A group `value`, where there is one, is what has to look like a secret for a match to count; a group `head`
   * is what belongs to it before the match. Where another match may begin within a part that repeats, that part has a
   * limit: texts may be long, and made to be slow.
   */
  readonly pattern: RegExp;
  /** What every match holds, as the source of a pattern: looked for first, since it is cheap. */
  readonly hint: string;
  /** One of them, in pieces, so that no scanner takes this source for one that holds credentials. */
  readonly example: readonly string[];
}

function format(kind: string, hint: string, pattern: RegExp, ...example: readonly string[]): CredentialFormat {
  return { kind, hint, pattern, example };
}

const HEX32 = '4f1e8a92c7d3b6054f1e8a92c7d3b605';
const MIXED = 'k7Qz93hLmN20xWp4Rt8YvB1c';

/**
 * The formats, those that hold others first. Most are those of secretlint's recommended rules and of the makers' own
 * documentation; a public key, an id or a hash is none.
 */
export const CREDENTIAL_FORMATS: readonly CredentialFormat[] = [
  format(
    'private key',
    '-----BEGIN',
    // To its end, or as far as it reaches.
    new RegExp(
      [
        '-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?',
        String.raw`-----(?:[\s\S]{0,8000}?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|(?:(?:\s|\\[nr])*`,
        '[A-Za-z0-9+/=]{16,})*)',
      ].join(''),
      'g',
    ),
    '-----BEGIN ',
    `OPENSSH PRIVATE KEY-----\n${MIXED}${MIXED}\n-----END `,
    'OPENSSH PRIVATE KEY-----',
  ),
  format(
    'private key',
    'PuTTY-User-Key-File',
    /PuTTY-User-Key-File-\d:(?:[\s\S]{0,8000}?Private-MAC: [0-9a-f]{40,}|[^\n]*)/g,
    'PuTTY-User-',
    'Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAAAB3\n',
    `Private-MAC: ${HEX32}${HEX32}`,
  ),
  format(
    'private key',
    'AGE-SECRET',
    /\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b/g,
    'AGE-SECRET-',
    `KEY-1${'Q7ZKXJ4M2PLW9TBNA3'.repeat(4).slice(0, 58)}`,
  ),
  format(
    'JSON Web Token',
    'eyJ',
    // From its first dot: many beginnings of one may stand in a row.
    /(?=\.eyJ)(?<=(?<head>\beyJ[A-Za-z0-9_-]{8,}))\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
    'ey',
    'JhbGciOiJIUzI1NiJ9.ey',
    'JzdWIiOiI3NzcifQ.dozjgNryP4J3jVmNHl0w5N',
  ),
  format(
    'password in a URL',
    ':\\/\\/[^\\s/@]+@',
    new RegExp(
      [
        String.raw`\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@{}"'<>]*:(?!(?:pass(?:word|wd)?|pwd|secret|x+|\*+)@)`,
        String.raw`[^\s/@{}"'<>]+@[^\s/"'<>]+`,
      ].join(''),
      'gi',
    ),
    'sftp://:',
    'Wint3rHike@ftp.example.test',
  ),
  format(
    'token in a URL',
    ':\\/\\/[^\\s/@]+@',
    /\bhttps?:\/\/(?<value>[A-Za-z0-9_.~%+-]{16,})@[^\s/"'<>]+/gi,
    'https://',
    `${MIXED}@git.example.test`,
  ),
  format('AWS access key id', 'A[KS]IA', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, 'AK', 'IA', 'Q7ZKXJ4M2PLW9TBN'),
  format(
    'AWS secret access key',
    '[sS]ecret_?[aA]ccess_?[kK]ey|SECRET_ACCESS_KEY',
    /\baws_?secret_?access_?key["']?\s{0,9}[=:]\s{0,9}["']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])/gi,
    'aws_secret_',
    `access_key=${MIXED}/+${MIXED}`.slice(0, 51),
  ),
  format(
    'Amazon Selling Partner secret',
    'oa2-cs',
    /\bamzn1\.oa2-cs\.v1\.[0-9a-f]{64}\b/g,
    'amzn1.',
    `oa2-cs.v1.${HEX32}${HEX32}`,
  ),
  format(
    'Amazon Selling Partner token',
    'Atz[ar]\\|',
    /\bAtz[ar]\|[A-Za-z0-9_+/=-]{40,}/g,
    'Atz',
    `r|${MIXED}${MIXED}`,
  ),
  format(
    'Amazon MWS token',
    'amzn\\.mws',
    /\bamzn\.mws\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g,
    'amzn.',
    'mws.4f1e8a92-c7d3-b605-4f1e-8a92c7d3b605',
  ),
  format(
    'Azure key',
    'AccountKey=|SharedAccessKey=',
    /\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{30,}={0,2}/g,
    'Account',
    `Key=${MIXED}${MIXED}==`,
  ),
  format(
    'Azure client secret',
    '\\dQ~',
    /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])/g,
    'aB3',
    `8Q~${MIXED}aB3dE5gH7j`,
  ),
  format(
    'Azure DevOps token',
    'AZDO',
    /\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b/g,
    `${MIXED}${MIXED}${MIXED}aB3d`,
    'AZ',
    'DO4x9Z',
  ),
  format('Google API key', 'AIza', /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g, 'AI', `za${MIXED}aB3dE5gH7jK`),
  format('Google client secret', 'GOCSPX-', /\bGOCSPX-[A-Za-z0-9_-]{20,}/g, 'GOC', `SPX-${MIXED}aB3d`),
  format('Google access token', 'ya29\\.', /\bya29\.[A-Za-z0-9_-]{20,}/g, 'ya', `29.${MIXED}${MIXED}`),
  format('Google refresh token', '1\\/\\/0', /(?<![\w/])1\/\/0[A-Za-z0-9_-]{40,}/g, '1//', `0${MIXED}${MIXED}`),
  format(
    'GitHub token',
    'gh[pousr]_|github_pat_',
    /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})/g,
    'gh',
    `p_${MIXED}aB3dE5gH7jK9`,
  ),
  format(
    'GitLab token',
    'gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent)-',
    /\bgl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent)-[A-Za-z0-9_-]{18,}/g,
    'gl',
    `pat-${MIXED}`,
  ),
  format('Slack token', 'xox|xapp-', /\b(?:xox[abeprs]|xapp)-[A-Za-z0-9-]{10,}/g, 'xa', `pp-1-${MIXED}`),
  format(
    'Slack webhook',
    'hooks\\.slack',
    /\bhttps:\/\/hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9/]{20,}/g,
    'https://hooks.',
    `slack.com/services/T00000000/B00000000/${MIXED}`,
  ),
  format(
    'Teams webhook',
    'webhook\\.office',
    /\bhttps:\/\/[\w-]+\.webhook\.office\.com\/webhookb2\/[\w@-]{20,}\/IncomingWebhook\/\w{20,}[\w/-]*/g,
    'https://acme.webhook.',
    `office.com/webhookb2/4f1e8a92-c7d3-b605-4f1e-8a92c7d3b605@x/IncomingWebhook/${HEX32}/x`,
  ),
  format(
    'Discord webhook',
    'api\\/webhooks',
    /\bhttps:\/\/discord(?:app)?\.com\/api\/webhooks\/\d+\/[\w-]{40,}/g,
    'https://discord.',
    `com/api/webhooks/1234567890/${MIXED}${MIXED}`,
  ),
  format(
    'Stripe key',
    '[rs]k_(?:live|test)|whsec_',
    /\b(?:[rs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}/g,
    'sk',
    `_live_${MIXED}`,
  ),
  format('Shopify token', 'shp[a-z]{2}_', /\bshp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32}\b/g, 'shp', `at_${HEX32}`),
  format('SendGrid key', 'SG\\.', /\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}/g, 'S', `G.${MIXED}.${MIXED}${MIXED}`),
  format(
    'Brevo key',
    'xkeysib-',
    /\bxkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b/g,
    'xkey',
    `sib-${HEX32}${HEX32}-aB3dE5gH7jK9mN1p`,
  ),
  format('Mailchimp key', '-us\\d', /\b[0-9a-f]{32}-us\d{1,2}\b/g, HEX32, '-us', '12'),
  format('Mailgun key', 'key-', /(?<![\w-])key-[0-9a-f]{32}\b/g, 'ke', `y-${HEX32}`),
  format('Twilio key', 'SK[0-9a-f]', /\bSK[0-9a-f]{32}\b/g, 'S', `K${HEX32}`),
  format(
    'Telegram token',
    ':AA',
    /\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
    '123456789',
    ':AA',
    `${MIXED}aB3dE5gH7`,
  ),
  format('npm token', 'npm_', /\bnpm_[A-Za-z0-9]{36}\b/g, 'np', `m_${MIXED}aB3dE5gH7jK9`),
  format('PyPI token', 'pypi-', /\bpypi-[A-Za-z0-9_-]{50,}/g, 'py', `pi-AgEIcHlwaS5vcmc${MIXED}${MIXED}`),
  format('RubyGems key', 'rubygems_', /\brubygems_[0-9a-f]{48}\b/g, 'ruby', `gems_${HEX32}${HEX32.slice(0, 16)}`),
  format('Docker token', 'dckr_', /\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}/g, 'dckr', `_pat_${MIXED}aB3d`),
  format(
    'OpenAI key',
    '\\bsk-',
    /\bsk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})/g,
    'sk-',
    `proj-${MIXED}${MIXED}`,
  ),
  format('Anthropic key', '\\bsk-', /\bsk-ant-[A-Za-z0-9]+-[A-Za-z0-9_-]{20,}/g, 'sk-', `ant-api03-${MIXED}${MIXED}`),
  format('Hugging Face token', 'hf_', /\bhf_[A-Za-z0-9]{34,}\b/g, 'h', `f_${MIXED}aB3dE5gH7j`),
  format(
    'Groq or xAI key',
    'gsk_|xai-',
    /\b(?:gsk_[A-Za-z0-9]{48,}|xai-[A-Za-z0-9]{70,})\b/g,
    'gs',
    `k_${MIXED}${MIXED}`,
  ),
  format('DigitalOcean token', 'do[oprt]_v1', /\bdo[oprt]_v1_[0-9a-f]{64}\b/g, 'do', `p_v1_${HEX32}${HEX32}`),
  format('Databricks token', 'dapi', /\bdapi[0-9a-f]{32}\b/g, 'da', `pi${HEX32}`),
  format('Vault token', 'hv[sbr]\\.', /\bhv[sbr]\.[A-Za-z0-9_-]{24,}/g, 'hv', `s.${MIXED}`),
  format(
    'Terraform token',
    'atlasv1',
    /\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}/g,
    'k7Qz93hLmN20xW',
    '.atlas',
    `v1.${MIXED}${MIXED}${MIXED}`,
  ),
  format(
    'Atlassian token',
    'ATATT3|ATBB',
    /\b(?:ATATT3[A-Za-z0-9_=-]{60,}|ATBB[A-Za-z0-9]{24,})/g,
    'AT',
    `BB${MIXED}aB3d`,
  ),
  format(
    'Airtable token',
    '\\bpat[A-Za-z0-9]{14}\\.',
    /\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b/g,
    'pat',
    `k7Qz93hLmN20xW.${HEX32}${HEX32}`,
  ),
  format(
    'HubSpot token',
    'pat-[a-z]{2}\\d',
    /\bpat-(?:na|eu|ap)\d-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g,
    'pat-',
    'na1-4f1e8a92-c7d3-b605-4f1e-8a92c7d3b605',
  ),
  format('Klaviyo key', 'pk_[0-9a-f]', /\bpk_[0-9a-f]{34}\b/g, 'p', `k_${HEX32}a1`),
  format(
    'Square token',
    'sq0|EAAA',
    /\b(?:sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}|EAAA[A-Za-z0-9_-]{60})(?![A-Za-z0-9_-])/g,
    'sq0',
    `csp-${MIXED}${MIXED}`,
  ),
  format(
    'Braintree token',
    'access_token\\$',
    /\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}\b/g,
    'access_',
    `token$production$k7qz93hlmn20xwp4$${HEX32}`,
  ),
  format(
    'Plaid token',
    'access-(?:s|p|d)',
    /\baccess-(?:sandbox|production|development)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g,
    'access-',
    'production-4f1e8a92-c7d3-b605-4f1e-8a92c7d3b605',
  ),
  format(
    'Salesforce session',
    '00D[A-Za-z0-9]{12,15}!',
    /\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,}/g,
    '00D5g000004',
    `k7Qz!${MIXED}.${MIXED}_${MIXED}`,
  ),
  format('Facebook token', 'EAA[A-Z]', /\bEAA[A-Z][A-Za-z0-9]{80,}\b/g, 'EA', `AC${MIXED}${MIXED}${MIXED}aB3dE5gH7j`),
  format('Notion token', 'ntn_', /\bntn_[A-Za-z0-9]{40,}\b/g, 'nt', `n_${MIXED}${MIXED}`),
  format('Linear key', 'lin_(?:api|oauth)_', /\blin_(?:api|oauth)_[A-Za-z0-9]{40,}\b/g, 'lin', `_api_${MIXED}${MIXED}`),
  format('Figma token', 'figd_', /\bfigd_[A-Za-z0-9_-]{40,}/g, 'fig', `d_${MIXED}${MIXED}`),
  format('Supabase token', 'sbp_', /\bsbp_[0-9a-f]{40}\b/g, 'sb', `p_${HEX32}4f1e8a92`),
  format('Postman key', 'PMAK-', /\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b/g, 'PM', `AK-4f1e8a92c7d3b6054f1e8a92-${HEX32}a1`),
  format('New Relic key', 'NR[A-Z]{2}-', /\bNRA[KL]-[A-Z0-9]{27}\b/g, 'NR', 'AK-Q7ZKXJ4M2PLW9TBNA3Q7ZKXJ4M2'),
  format(
    'Grafana token',
    'glsa_|glc_',
    /\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2})/g,
    'gl',
    `sa_${MIXED}aB3dE5gH_4f1e8a92`,
  ),
  format(
    'Sentry token',
    'sntry[su]_',
    /\bsntry(?:u_[0-9a-f]{64}|s_[A-Za-z0-9+/=_-]{60,})/g,
    'sntry',
    `u_${HEX32}${HEX32}`,
  ),
];

const MAY_HOLD = new RegExp([...new Set(CREDENTIAL_FORMATS.map(({ hint }) => hint))].join('|'));

/** Everything in a text that has one of the formats. */
export function formatsIn(text: string): { readonly kind: string; readonly start: number; readonly end: number }[] {
  if (!MAY_HOLD.test(text)) return [];
  return CREDENTIAL_FORMATS.flatMap(({ kind, pattern }) =>
    [...text.matchAll(pattern)].flatMap(({ 0: match, groups, index }) =>
      groups?.value !== undefined && !looksSecret(groups.value, 'key')
        ? []
        : [{ kind, start: index - (groups?.head?.length ?? 0), end: index + match.length }],
    ),
  );
}
