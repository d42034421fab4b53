// Compares the installed package with the public surface that `tests/surface/typescript.json` promises.
//
//   node surface.mjs <surface file> <result file> <project directory> <tsc> <@types directory>
//
// Every documented form becomes a line of a strict program that the compiler checks against the installed declarations:
// methods are called with what is required, then with one optional argument after the other; fields are read, and those of
// inputs written. Classes, methods and enum values must exist at run time, too. Prints a line per required symbol that is
// missing or differs, writes every symbol's result, and fails when there is such a line.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const [surfaceFile, resultFile, project, tsc, types] = process.argv.slice(2);
const packageName = '@daytonaio/sdk';
const surface = JSON.parse(readFileSync(surfaceFile, 'utf8'));
const installed = createRequire(join(resolve(project), 'package.json'))(packageName);

const runtimeKinds = new Set(['class', 'enum', 'error', 'function', 'constant']);

/** Splits at commas that are not inside brackets. */
function split(text) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if ('([{<'.includes(c)) depth++;
    else if (')]}'.includes(c) || (c === '>' && text[i - 1] !== '=')) depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  return last ? [...parts, last] : parts;
}

/** Parameters and result of a form: `(path: string, recursive?: boolean): Promise<void>`. */
function parse(form) {
  let depth = 0;
  let end = 0;
  for (; end < form.length; end++) {
    if (form[end] === '(') depth++;
    else if (form[end] === ')' && --depth === 0) break;
  }
  const parameters = split(form.slice(1, end)).map((text) => {
    const [, rest, , optional, type] = /^(\.\.\.)?(\w+)(\?)?: (.*)$/s.exec(text) ?? [];
    if (!type && !text.includes(':')) throw new Error(`${form}: ${text}`);
    const [, , , mark, described] = /^(\.\.\.)?(\w+)(\?)?: (.*)$/s.exec(text);
    return { rest: rest !== undefined, optional: mark === '?', type: described ?? optional };
  });
  return { parameters, result: form.slice(end + 1).replace(/^:\s*/, '') };
}

/** Calls of a form: with what is required only, then with more and more of what is optional. */
function calls(parameters) {
  const required = parameters.filter((p) => !p.optional && !p.rest).length;
  const lists = [];
  for (let count = required; count <= parameters.length; count++) {
    lists.push(
      parameters
        .slice(0, count)
        .map((p) => (p.rest ? `...value<${p.type}>()` : `value<${p.type}>()`))
        .join(', '),
    );
  }
  return lists;
}

const lines = ['import type { Readable } from "node:stream";', 'declare function value<T>(): T;'];
/** What the lines of the program are about, by number. */
const subjects = [undefined, undefined];
const symbols = {};

function line(symbol, text) {
  lines.push(text.replaceAll('\n', ' '));
  subjects.push(symbol);
}

function declare(name, capability, status) {
  symbols[name] = { capability, required: status === 'required', result: 'ok' };
  return symbols[name];
}

function fail(symbol, result, detail) {
  const entry = symbols[symbol];
  if (entry.result === 'missing') return;
  if (entry.result === 'differs' && result === 'differs') return;
  entry.result = result;
  entry.detail = detail;
}

const member = (name) => (name.startsWith('[') ? name : `.${name}`);

/** The lines that check one entry of the surface. */
function check(entry, capability, status) {
  const [path] = entry.name.split(/ \[/);
  const [owner, name] = [path.split('.')[0], path.slice(path.indexOf('.') + 1)];
  const isMember = path !== owner;
  const symbol = entry.name;
  const report = declare(symbol, capability, status);
  const expected = [...(entry.forms ?? []), ...(entry.type ? [entry.type] : [])].join(' | ');
  if (expected) report.expected = expected;
  if (!isMember) {
    line(symbol, `import ${runtimeKinds.has(entry.kind) ? '' : 'type '}{ ${owner} } from '${packageName}';`);
    if (runtimeKinds.has(entry.kind) && installed[owner] === undefined)
      fail(symbol, 'missing', 'does not exist at run time');
    if (entry.base) line(symbol, `{ const base: ${entry.base} = value<${owner}>(); }`);
    if (entry.type) line(symbol, `{ const read: ${entry.type} = ${owner}; }`);
  }
  for (const form of entry.forms ?? []) {
    const { parameters, result } = parse(form);
    for (const given of calls(parameters)) {
      if (entry.kind === 'function') line(symbol, `{ const result: ${result} = ${owner}(${given}); }`);
      else if (!isMember) line(symbol, `{ const made: ${owner} = new ${owner}(${given}); }`);
      else {
        const target = entry.kind === 'static method' ? owner : `value<${owner}>()`;
        const call = `${target}${member(name)}(${given})`;
        line(
          symbol,
          result === 'Promise<void>'
            ? `{ const result: Promise<unknown> = ${call}; }`
            : `{ const result: ${result} = ${call}; }`,
        );
      }
    }
  }
  const owning = installed[owner];
  if (isMember && entry.kind === 'method' && typeof owning === 'function' && !name.startsWith('[')) {
    if (typeof owning.prototype[name] !== 'function')
      fail(symbol, 'missing', `does not exist at run time; expected ${expected}`);
  }
  if (isMember && entry.kind === 'field') field(symbol, owner, name, entry.type, true, entry.input);
  for (const [key, type] of Object.entries(entry.fields ?? {})) {
    const optional = key.endsWith('?');
    const bare = key.replace(/\?$/, '');
    const full = `${owner}.${bare}`;
    declare(full, capability, status).expected = type;
    field(full, owner, bare, type, optional, entry.input);
  }
  for (const [key, value] of Object.entries(entry.members ?? {})) {
    const full = `${owner}.${key}`;
    declare(full, capability, status);
    line(full, `{ const read: ${owner} = ${owner}.${key}; const text: string = read; }`);
    const found = owning?.[key];
    if (found === undefined) fail(full, 'missing');
    else if (found !== value) fail(full, 'differs', `is ${JSON.stringify(found)}, not ${JSON.stringify(value)}`);
  }
  if (entry.input) {
    const required = Object.entries(entry.fields ?? {}).filter(([key]) => !key.endsWith('?'));
    const fields = required.map(([key, type]) => `${key}: value<${type}>()`).join(', ');
    if (!isMember) line(symbol, `{ const made: ${owner} = { ${fields} }; }`);
  }
}

function field(symbol, owner, name, type, optional, input) {
  // Programs read what they get and write what they give.
  if (!input)
    line(symbol, `{ const read: (${type})${optional ? ' | undefined' : ''} = value<${owner}>()${member(name)}; }`);
  else line(symbol, `{ const written: Partial<${owner}> = { ${name}: value<${type}>() }; }`);
}

/** Compiler's complaints: the line and what it says. */
function complaints() {
  writeFileSync(join(project, 'surface.cts'), `${lines.join('\n')}\n`);
  const options = ['--noEmit', '--strict', '--pretty', 'false', '--module', 'node16', '--moduleResolution', 'node16'];
  const target = [
    '--target',
    'es2022',
    '--lib',
    'es2022,esnext.disposable',
    '--typeRoots',
    resolve(types),
    '--types',
    'node',
  ];
  let output = '';
  try {
    execFileSync(resolve(tsc), [...options, ...target, 'surface.cts'], { cwd: project, encoding: 'utf8' });
  } catch (error) {
    output = error.stdout;
    if (!output) throw error;
  }
  const found = [];
  for (const text of output.split('\n')) {
    const match = /^surface\.cts\((\d+),\d+\): error TS(\d+): (.*)$/.exec(text);
    if (match) found.push({ line: Number(match[1]), code: Number(match[2]), message: match[3] });
    else if (/^\S.*error TS/.test(text)) throw new Error(text);
  }
  return found;
}

// Errors that say that a name does not exist.
const absent = new Set([2304, 2305, 2339, 2551, 2614, 2724]);
/** Whether a complaint is about the name that the symbol is, and not about a name its forms use. */
function isAbsence({ code, message }, symbol) {
  const last = symbol.split(' [')[0].split('.').pop();
  return absent.has(code) && message.includes(`'${last}'`);
}

for (const [capability, part] of Object.entries(surface.capabilities)) {
  for (const entry of part.symbols) check(entry, capability, part.status);
}
for (const complaint of complaints()) {
  const symbol = subjects[complaint.line - 1];
  const code = lines[complaint.line - 1];
  const form = symbols[symbol].expected ? `expected ${symbols[symbol].expected}` : '';
  if (isAbsence(complaint, symbol)) fail(symbol, 'missing', form);
  else fail(symbol, 'differs', [form, `${complaint.message} in ${code}`].filter(Boolean).join('; found: '));
}
// Members of what is missing are missing: the compiler says nothing about them.
for (const [name, entry] of Object.entries(symbols)) {
  const owner = symbols[name.split('.')[0]];
  if (owner && owner !== entry && owner.result === 'missing') {
    entry.result = 'missing';
    entry.detail = entry.expected ? `expected ${entry.expected}` : undefined;
  }
}
const accepted = new Map(surface.accepted.map(({ name, reason }) => [name, reason]));
for (const [name, entry] of Object.entries(symbols)) {
  delete entry.expected;
  if (entry.result === 'ok' || !accepted.has(name)) continue;
  Object.assign(entry, { result: 'accepted', detail: `${accepted.get(name)} (${entry.detail ?? entry.result})` });
  accepted.delete(name);
}
mkdirSync(dirname(resolve(resultFile)), { recursive: true });
writeFileSync(resultFile, `${JSON.stringify({ language: 'typescript', symbols }, null, 1)}\n`);

const wrong = Object.entries(symbols).filter(
  ([, s]) => s.required && (s.result === 'missing' || s.result === 'differs'),
);
for (const [name, { result, detail }] of wrong) console.log(`${result}: ${name}${detail ? `: ${detail}` : ''}`);
for (const name of accepted.keys()) console.log(`accepted without need: ${name}`);
const all = Object.values(symbols);
const later = all.filter((s) => !s.required && s.result !== 'ok').length;
console.log(`typescript: ${all.length} symbols, ${wrong.length} missing or different, ${later} to come`);
process.exitCode = wrong.length + accepted.size > 0 ? 1 : 0;
