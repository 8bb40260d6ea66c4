/** A tracking store of each kind, new and empty; `{ store, query }`, `query` where it speaks SQL. */
import { PGlite } from '@electric-sql/pglite';
import { Query } from 'mingo';
import initSqlJs from 'sql.js';
import { mongooseStore, prismaStore, sqlStore, sqlTables } from 'queue-services/tracking';

/** SQLite itself, compiled to WebAssembly. */
export async function sqlite() {
  const database = new (await initSqlJs()).Database();
  const query = async (text, values) => {
    const statement = database.prepare(text);
    statement.bind(values);
    const rows = [];
    while (statement.step()) rows.push(statement.getAsObject());
    statement.free();
    return { rows, changed: database.getRowsModified() };
  };
  for (const text of sqlTables({ dialect: 'sqlite' })) database.run(text);
  return { store: sqlStore(query, { dialect: 'sqlite' }), query, dialect: 'sqlite' };
}

let database;

/** For a test file's end, or its process lingers. */
export const closePostgres = () => database?.close();

/** PostgreSQL itself, compiled to WebAssembly: one for all tests, as it takes seconds to start. */
export async function postgres() {
  database ??= new PGlite();
  const query = async (text, values) => {
    const { rows, affectedRows = 0 } = await database.query(text, values);
    return { rows, changed: affectedRows };
  };
  for (const table of ['queued_message', 'queue_cursor', 'queue_delivery']) await database.exec(`drop table if exists ${table}`);
  for (const text of sqlTables()) await database.exec(text);
  return { store: sqlStore(query), query, dialect: 'postgres' };
}

/** Prisma's calls over rows in memory, with what of its `where` the store uses. */
export async function prisma() {
  const [rows, cursors] = [new Map(), new Map()];
  const one = (value, condition) => {
    if (condition === null || typeof condition !== 'object' || condition instanceof Date) return +value === +condition || value === condition;
    return Object.entries(condition).every(([operator, operand]) =>
      ({ in: () => operand.includes(value), lt: () => value !== null && value < operand, gt: () => value !== null && value > operand, not: () => value !== null && value !== operand })[operator]());
  };
  const matches = (row, where) => Object.entries(where).every(([name, condition]) => {
    if (name === 'AND') return condition.every((part) => matches(row, part));
    if (name === 'OR') return condition.some((part) => matches(row, part));
    return one(row[name], condition);
  });
  const found = (where) => [...rows.values()].filter((row) => matches(row, where));
  const model = {
    createMany: async ({ data, skipDuplicates }) => {
      if (!skipDuplicates && data.some((row) => rows.has(row.queueKey))) throw new Error('Unique constraint failed');
      for (const row of data) if (!rows.has(row.queueKey)) rows.set(row.queueKey, { ...row });
    },
    updateMany: async ({ where, data }) => ({ count: found(where).map((row) => Object.assign(row, data)).length }),
    findMany: async ({ where, take }) => found(where).sort(inOrder).slice(0, take),
  };
  const feeds = {
    findUnique: async ({ where }) => cursors.get(where.feed) ?? null,
    upsert: async ({ where, create, update }) => cursors.set(where.feed, cursors.has(where.feed) ? { ...cursors.get(where.feed), ...update } : create),
  };
  return { store: prismaStore(model, feeds, { skipDuplicates: false }), models: { queuedMessage: model, queueCursor: feeds } };
}

/** Mongoose's calls over documents in memory; what its filters mean is said by mingo. */
export async function mongoose() {
  const [rows, cursors] = [[], []];
  const found = (documents, filter) => documents.filter((document) => new Query(filter).test(document));
  const model = {
    insertMany: async (documents) => {
      const repeated = documents.filter(({ queueKey }) => rows.some((row) => row.queueKey === queueKey));
      rows.push(...documents.filter((document) => !repeated.includes(document)).map((document) => ({ ...document, _id: document.queueKey })));
      if (repeated.length) throw Object.assign(new Error('E11000 duplicate key'), { code: 11_000, writeErrors: repeated.map(() => ({ err: { code: 11_000 } })) });
    },
    updateMany: async (filter, { $set }) => ({ modifiedCount: found(rows, filter).map((row) => Object.assign(row, $set)).length }),
    find: (filter) => ({ sort: () => ({ limit: (count) => ({ lean: async () => found(rows, filter).sort(inOrder).slice(0, count) }) }) }),
  };
  const feeds = {
    findOne: (filter) => ({ lean: async () => found(cursors, filter)[0] ?? null }),
    updateOne: async (filter, { $set }) => {
      const [there] = found(cursors, filter);
      if (there) Object.assign(there, $set);
      else cursors.push({ ...filter, ...$set });
    },
  };
  return { store: mongooseStore(model, feeds), models: { QueuedMessage: model, QueueCursor: feeds } };
}

function inOrder(one, other) {
  return one.scheduledFor - other.scheduledFor || (one.queueKey < other.queueKey ? -1 : 1);
}
