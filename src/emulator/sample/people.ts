import type { JsonObject } from '../../core/json.ts';
import type { AuditEntry, Person } from '../model/seed.ts';
import { ids } from './ids.ts';

type Name = keyof typeof ids.people;

/** The people of Fjellrand Outfitters who work in the account. */
export const people = {
  ingrid: {
    _id: ids.people.ingrid,
    name: 'Ingrid Solheim',
    email: 'ingrid.solheim@fjellrand.example.com',
    token: 'sample-token-owner',
    role: 'owner',
  },
  priya: {
    _id: ids.people.priya,
    name: 'Priya Raman',
    email: 'priya.raman@fjellrand.example.com',
    token: 'sample-token-priya',
    role: 'administrator',
  },
  mateo: {
    _id: ids.people.mateo,
    name: 'Mateo Álvarez',
    email: 'mateo.alvarez@fjellrand.example.com',
    token: 'sample-token-mateo',
    role: 'administrator',
  },
  amara: {
    _id: ids.people.amara,
    name: 'Amara Nwosu',
    email: 'amara.nwosu@fjellrand.example.com',
    token: 'sample-token-amara',
    role: 'manage',
  },
  /** A contractor, for the trading partners only. */
  jonas: {
    _id: ids.people.jonas,
    name: 'Jonas Lindqvist',
    email: 'jonas@ledger-and-lathe.example.test',
    token: 'sample-token-jonas',
    role: 'manage',
    integrationIds: [ids.integrations.partners],
  },
  keiko: {
    _id: ids.people.keiko,
    name: 'Keiko Tanaka',
    email: 'keiko.tanaka@fjellrand.example.com',
    token: 'sample-token-keiko',
    role: 'monitor',
  },
} as const satisfies Readonly<Record<Name, Person>>;

export const PEOPLE: readonly Person[] = Object.values(people);

/** How the audit log names a person. */
export function byUser(name: Name): AuditEntry['byUser'] {
  const { _id, name: fullName, email } = people[name];
  return { _id, name: fullName, email };
}

/** How a notification names a person. */
export function subscriber(name: Name): JsonObject {
  return { ...byUser(name) };
}
