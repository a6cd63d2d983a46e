/**
 * Where the API's documents are undecided or disagree: how this account behaves. The defaults are the readings
 * that are most dangerous to a client.
 */
export interface Behaviour {
  /** Largest `limit` accepted; more is cut down to it (api-notes#paging-link). */
  readonly pageSize: number;
  /** Page length when no `limit` is given: 100 or 1000 in the documents. */
  readonly defaultPageSize: number;
  /** A `limit` above `pageSize`: cut down, or refused with 400. */
  readonly largeLimit: 'clamp' | 'reject';
  /** `store`: a written `******` becomes the credential; `keep`: it leaves the stored one (api-notes#mask-writes). */
  readonly maskedWrites: 'store' | 'keep';
  /**
   * What a POST or PUT answers: the document as a GET shows it, all of its members with a part of what is in them, its
   * id alone, or the body as it was sent, before the server filled in anything (api-notes#write-answer).
   */
  readonly writeAnswer: 'document' | 'id' | 'echo' | 'part';
  /** How records show who changed them last (api-notes#last-modified-by). */
  readonly lastModifiedBy: 'absent' | 'id' | 'object';
  /** Whether types are audited of which no document says it (api-notes#audit-coverage). */
  readonly auditAll: boolean;
  /**
   * How a list leads to its next page: `Link`, or `nextPageURL` in an object around it (api-notes#paging-link,
   * api-notes#paging-body).
   */
  readonly paging: 'link' | 'body';
  /** `Link` on one line, or folded over several as the documents allow (api-notes#paging-link). */
  readonly linkForm: 'line' | 'folded';
  /** Whether links to other pages repeat the parameters of the request, or have `limit` and `skip` alone. */
  readonly linkQuery: 'all' | 'paging';
  /** Parameters of a list that no document of paging or projection names: used, or refused with 400. */
  readonly otherParameters: 'accept' | 'reject';
  /** By type: fields that its list leaves out besides the documented ones (api-notes#abridged-lists). */
  readonly abridged: Readonly<Record<string, readonly string[]>>;
  /**
   * Whether answers have an `ETag` and one that did not change is 304: with its `Link`, or bare (api-notes#etag).
   */
  readonly etags: 'none' | 'link' | 'bare';
  /** Coding of bodies, also unasked for (RFC 9110, 12.5.3). */
  readonly coding: 'identity' | 'gzip' | 'deflate' | 'br';
  /** Shape of the audit log's answer (api-notes#audit-shapes). */
  readonly auditShape: 'array' | 'audit' | 'auditLogs';
  /** How entries about stacks and syncs show a single change: in a list, or as one object (api-notes#audit-shapes). */
  readonly auditChange: 'list' | 'object';
  /** Most entries in one audit answer: 20,000, in an older document 1,000. */
  readonly auditCap: number;
  /** Entries in an audit answer when no `limit` is given. */
  readonly auditPage: number;
  /**
   * How further audit entries are reached: by `offset`, as one document says; `link`: by a `Link` header
   * (api-notes#audit-shapes).
   */
  readonly auditPaging: 'offset' | 'ignored' | 'refused' | 'link';
  /** Entries younger than this are not in the log yet. */
  readonly auditDelayMs: number;
  /** Whether a lookup cache comes back from the recycle bin with its entries (api-notes#recycle-bin-restore). */
  readonly binKeepsLookupData: boolean;
  /** Form of `nextPageURL`: absolute, relative with `/v1`, or relative without it (api-notes#next-page-url). */
  readonly nextPageUrl: 'absolute' | 'relative' | 'bare';
  /**
   * What happens to a document that the API may refuse: it is refused, or written as it was sent and the refusal noted.
   * A reference to nothing is refused in any case.
   */
  readonly validation: 'refuse' | 'record';
  /**
   * What becomes of a new flow without an integration: it is kept as it is, moved to the integration "Standalone
   * flows", or refused (api-notes#standalone-flows).
   */
  readonly standaloneFlows: 'keep' | 'move' | 'refuse';
  /** Whether the account has an alias, without which it can have no MCP servers (api-notes#mcp-servers). */
  readonly accountAlias: boolean;
  /** Whether the server adds what a document lacks: parts of other adaptors, ids of parts (api-notes#defaults). */
  readonly completes: boolean;
  /** What becomes of a connection's HTTP connector that the account cannot see (api-notes#connector-pointers). */
  readonly unknownConnectors: 'keep' | 'drop';
  /** Whether REST exports, imports and connections can still be created (api-notes#legacy-rest). */
  readonly legacyRest: 'refuse' | 'accept';
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  pageSize: 1000,
  defaultPageSize: 100,
  largeLimit: 'clamp',
  maskedWrites: 'store',
  writeAnswer: 'document',
  lastModifiedBy: 'absent',
  auditAll: false,
  paging: 'link',
  linkForm: 'line',
  linkQuery: 'all',
  otherParameters: 'accept',
  abridged: {},
  etags: 'none',
  coding: 'identity',
  auditShape: 'array',
  auditChange: 'object',
  auditCap: 20_000,
  auditPage: 20_000,
  auditPaging: 'offset',
  auditDelayMs: 0,
  binKeepsLookupData: false,
  nextPageUrl: 'bare',
  validation: 'refuse',
  standaloneFlows: 'keep',
  accountAlias: true,
  completes: true,
  unknownConnectors: 'keep',
  legacyRest: 'refuse',
};
