// Turns an OpenAPI 3.1 document into TypeScript: an interface for each schema, and `Calls`, which
// says by "METHOD /path" what a call takes and answers.

const HEADER = `// Generated from openapi.json by scripts/generate.mjs; do not edit.
/**
 * The types of the API, as /openapi.json describes them.
 * @packageDocumentation
 */
`;

/** The whole module for \`document\`. */
export function typescript(document) {
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => declared(name, schema));
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => call(method, path, operation)),
  );
  const table = `/** Every call of the API: what it takes and what it answers. */\nexport interface Calls {\n${calls.join('\n')}\n}\n`;
  return `${[HEADER, ...schemas, table].join('\n')}`;
}

function declared(name, schema) {
  const about = comment(schema.description ?? name, '');
  const shape = type(schema, '');
  return shape.startsWith('{')
    ? `${about}export interface ${name} ${shape}\n`
    : `${about}export type ${name} = ${shape};\n`;
}

function call(method, path, operation) {
  const parameters = operation.parameters ?? [];
  const within = (place) => parameters.filter((parameter) => parameter.in === place);
  const members = [
    `path: ${named(within('path'), true)};`,
    `query: ${named(within('query'), false)};`,
    `body: ${sent(operation.requestBody)};`,
    `answer: ${answered(operation.responses)};`,
  ];
  const lines = members.map((member) => `    ${member}`).join('\n');
  return `${comment(operation.summary ?? path, '  ')}  '${method.toUpperCase()} ${path}': {\n${lines}\n  };`;
}

function named(parameters, always) {
  if (!parameters.length) return '{}';
  const members = parameters.map(
    ({ name, required, schema }) => `${property(name)}${always || required ? '' : '?'}: ${type(schema, '')}`,
  );
  return `{ ${members.join('; ')} }`;
}

function sent(body) {
  if (body === undefined) return 'undefined';
  const schema = body.content['application/json']?.schema;
  const shape = schema === undefined ? 'string' : type(schema, '    ');
  return body.required ? shape : `${shape} | undefined`;
}

function answered(responses) {
  const status = Object.keys(responses).filter((code) => code.startsWith('2')).sort()[0];
  const content = responses[status]?.content ?? {};
  const schema = content['application/json']?.schema;
  return schema === undefined ? (Object.keys(content).length ? 'string' : 'undefined') : type(schema, '    ');
}

function type(schema, indent) {
  if (schema === true || schema === undefined) return 'unknown';
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  if ('const' in schema) return literal(schema.const);
  if (schema.enum) return union(schema.enum.map(literal));
  if (schema.properties || schema.type === 'object') return object(schema, indent);
  for (const choice of ['anyOf', 'oneOf']) {
    if (schema[choice]) return union(schema[choice].map((one) => type(one, indent)));
  }
  if (schema.allOf) return schema.allOf.map((one) => type(one, indent)).join(' & ');
  if (Array.isArray(schema.type)) return union(schema.type.map((one) => type({ ...schema, type: one }, indent)));
  if (schema.type === 'array') return schema.items === undefined ? 'unknown[]' : list(type(schema.items, indent));
  return { string: 'string', number: 'number', integer: 'number', boolean: 'boolean', null: 'null' }[schema.type] ?? 'unknown';
}

function object(schema, indent) {
  if (Array.isArray(schema.type)) {
    return union(schema.type.map((one) => (one === 'object' ? object({ ...schema, type: one }, indent) : type({ type: one }, indent))));
  }
  const inner = `${indent}  `;
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {}).map(
    ([name, member]) => `${comment(member.description, inner)}${inner}${property(name)}${required.has(name) ? '' : '?'}: ${type(member, inner)};`,
  );
  const rest = schema.additionalProperties;
  if (!members.length) {
    if (rest === false) return 'Record<string, never>';
    return `{ [name: string]: ${rest === undefined ? 'unknown' : type(rest, inner)} }`;
  }
  if (rest !== undefined && rest !== false) members.push(`${inner}[name: string]: unknown;`);
  return `{\n${members.join('\n')}\n${indent}}`;
}

const union = (types) => [...new Set(types)].join(' | ') || 'never';
const list = (one) => (/[ |&]/.test(one) ? `Array<${one}>` : `${one}[]`);
const literal = (value) => JSON.stringify(value).replaceAll('"', "'");
const property = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function comment(text, indent) {
  if (!text) return '';
  const safe = text.replaceAll('*/', '*\\/').replaceAll('\n', ' ');
  return `${indent}/** ${safe} */\n`;
}
