// The program for what the playground's parameters say, in every language.

/** What the playground does. */
export interface Parameters {
  name: string;
  snapshot: string;
  /** Language of the code: `python`, `typescript` or `javascript`. */
  language: string;
  labels: Record<string, string>;
  env: Record<string, string>;
  /** Minutes; undefined for the default. */
  autoStop: number | undefined;
  blockNetwork: boolean;
  /** Whether `text` is code, not a command. */
  isCode: boolean;
  text: string;
}

export const LANGUAGES = ['Python', 'TypeScript', 'Ruby', 'Go', 'Rust'] as const;
export type Language = (typeof LANGUAGES)[number];

export function program(language: Language, parameters: Parameters): string {
  return { Python: python, TypeScript: typescript, Ruby: ruby, Go: go, Rust: rust }[language](parameters);
}

/** What JSON writes as a string is a literal of Python, TypeScript and Go as well. */
const quoted = (text: string) => JSON.stringify(text);

/** Ruby would fill in what stands after `#`. */
const quotedInRuby = (text: string) => quoted(text).replaceAll('#', '\\#');

function quotedInRust(text: string): string {
  const escaped = Array.from(text, (character) => {
    if (character === '"' || character === '\\') {
      return `\\${character}`;
    }
    const code = character.codePointAt(0) ?? 0;
    return code < 32 || code === 127 ? `\\u{${code.toString(16)}}` : character;
  });
  return `"${escaped.join('')}"`;
}

/** `name = value` of those that differ from the default, as a language writes them. */
type Option = [name: string, value: string];

interface Writing {
  text: (text: string) => string;
  map: (pairs: [string, string][]) => string;
  yes: string;
  number: (value: number) => string;
}

function options(parameters: Parameters, names: (name: string) => string, write: Writing): Option[] {
  const { name, snapshot, language, labels, env, autoStop, blockNetwork, isCode } = parameters;
  const found: [string, string | undefined][] = [
    ['snapshot', snapshot === '' ? undefined : write.text(snapshot)],
    ['name', name === '' ? undefined : write.text(name)],
    ['language', isCode && language !== 'python' ? write.text(language) : undefined],
    ['env_vars', Object.keys(env).length > 0 ? write.map(Object.entries(env)) : undefined],
    ['labels', Object.keys(labels).length > 0 ? write.map(Object.entries(labels)) : undefined],
    ['auto_stop_interval', autoStop === undefined ? undefined : write.number(autoStop)],
    ['network_block_all', blockNetwork ? write.yes : undefined],
  ];
  return found
    .filter((option): option is Option => option[1] !== undefined)
    .map(([name, value]) => [names(name), value]);
}

const snake = (name: string) => name;
const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string) => camel(`_${name}`);

function python(parameters: Parameters): string {
  const map = (pairs: [string, string][]) =>
    `{${pairs.map(([key, value]) => `${quoted(key)}: ${quoted(value)}`).join(', ')}}`;
  const given = options(parameters, snake, { text: quoted, map, yes: 'True', number: String });
  const text = parameters.text.includes('\n')
    ? `"""\\\n${parameters.text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"""`
    : quoted(parameters.text);
  const method = parameters.isCode ? 'code_run' : 'exec';
  const imports = given.length > 0 ? 'CreateSandboxFromSnapshotParams, Daytona' : 'Daytona';
  const params =
    given.length > 0
      ? `params = CreateSandboxFromSnapshotParams(\n${given.map(([name, value]) => `    ${name}=${value},\n`).join('')})\n`
      : '';
  return `from daytona import ${imports}

${parameters.isCode ? 'code' : 'command'} = ${text}
${params}
with Daytona() as daytona, daytona.create(${given.length > 0 ? 'params' : ''}) as sandbox:
    response = sandbox.process.${method}(${parameters.isCode ? 'code' : 'command'})
    print(response.result)
`;
}

function typescript(parameters: Parameters): string {
  const map = (pairs: [string, string][]) =>
    `{ ${pairs.map(([key, value]) => `${quoted(key)}: ${quoted(value)}`).join(', ')} }`;
  const given = options(parameters, camel, { text: quoted, map, yes: 'true', number: String });
  const text = parameters.text.includes('\n')
    ? `\`${parameters.text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``
    : quoted(parameters.text);
  const params = given.length > 0 ? `{\n${given.map(([name, value]) => `  ${name}: ${value},\n`).join('')}}` : '';
  const name = parameters.isCode ? 'code' : 'command';
  return `import { Daytona } from '@daytonaio/sdk';

const ${name} = ${text};

await using daytona = new Daytona();
await using sandbox = await daytona.create(${params});
const response = await sandbox.process.${parameters.isCode ? 'codeRun' : 'executeCommand'}(${name});
console.log(response.result);
`;
}

function ruby(parameters: Parameters): string {
  const map = (pairs: [string, string][]) =>
    `{ ${pairs.map(([key, value]) => `${quotedInRuby(key)} => ${quotedInRuby(value)}`).join(', ')} }`;
  const given = options(parameters, snake, { text: quotedInRuby, map, yes: 'true', number: String });
  const name = parameters.isCode ? 'code' : 'command';
  const lines = parameters.text.split('\n');
  const end = ['CODE', 'END_OF_CODE', 'THE_END_OF_CODE'].find((end) => !lines.includes(end));
  const text =
    lines.length > 1 && end !== undefined
      ? `<<'${end}'\n${parameters.text.replace(/\n$/, '')}\n${end}`
      : quotedInRuby(parameters.text);
  const params =
    given.length > 0
      ? `  params = Daytona::CreateSandboxFromSnapshotParams.new(\n${given.map(([name, value]) => `    ${name}: ${value}`).join(',\n')}\n  )\n`
      : '';
  return `require 'daytona'

${name} = ${text}

Daytona::Daytona.open do |daytona|
${params}  daytona.create${given.length > 0 ? '(params)' : ''} do |sandbox|
    puts sandbox.process.${parameters.isCode ? 'code_run(code)' : 'exec(command: command)'}.result
  end
end
`;
}

function go(parameters: Parameters): string {
  const map = (pairs: [string, string][]) =>
    `map[string]string{${pairs.map(([key, value]) => `${quoted(key)}: ${quoted(value)}`).join(', ')}}`;
  const given = options(parameters, pascal, { text: quoted, map, yes: 'true', number: () => '&autoStop' });
  const name = parameters.isCode ? 'code' : 'command';
  const raw = parameters.text.includes('\n') && !/[`\r\uFEFF]/.test(parameters.text);
  const [own, base] = [given.filter(([name]) => name === 'Snapshot'), given.filter(([name]) => name !== 'Snapshot')];
  const width = 2 + Math.max(0, ...base.map(([name]) => name.length));
  const fields = [
    ...own.map(([name, value]) => `\t\t${name}: ${value},\n`),
    base.length === 0
      ? ''
      : `\t\tSandboxBaseParams: types.SandboxBaseParams{\n${base.map(([name, value]) => `\t\t\t${`${name}:`.padEnd(width)}${value},\n`).join('')}\t\t},\n`,
  ];
  const params = given.length > 0 ? `types.SnapshotParams{\n${fields.join('')}\t}` : 'nil';
  const types = given.length > 0 ? '\t"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"\n' : '';
  const autoStop = parameters.autoStop === undefined ? '' : `\tautoStop := ${parameters.autoStop}\n`;
  return `package main

import (
\t"context"
\t"fmt"
\t"log"

\t"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
${types})

const ${name} = ${raw ? `\`${parameters.text}\`` : quoted(parameters.text)}

func run(ctx context.Context) error {
\tclient, err := daytona.NewClient()
\tif err != nil {
\t\treturn err
\t}
\tdefer client.Close(ctx)
${autoStop}\tsandbox, err := client.Create(ctx, ${params})
\tif err != nil {
\t\treturn err
\t}
\tdefer sandbox.Delete(ctx)
\tresponse, err := sandbox.Process.${parameters.isCode ? 'CodeRun' : 'ExecuteCommand'}(ctx, ${name})
\tif err != nil {
\t\treturn err
\t}
\tfmt.Println(response.Result)
\treturn nil
}

func main() {
\tif err := run(context.Background()); err != nil {
\t\tlog.Fatal(err)
\t}
}
`;
}

function rust(parameters: Parameters): string {
  const map = (pairs: [string, string][]) =>
    `Some([${pairs.map(([key, value]) => `(${quotedInRust(key)}.into(), ${quotedInRust(value)}.into())`).join(', ')}].into())`;
  const write = {
    text: (text: string) => `Some(${quotedInRust(text)}.into())`,
    map,
    yes: 'Some(true)',
    number: (value: number) => `Some(${value})`,
  };
  const given = options(parameters, snake, write);
  const name = parameters.isCode ? 'CODE' : 'COMMAND';
  const hashes = '#'.repeat(
    1 + Math.max(0, ...Array.from(parameters.text.matchAll(/"(#*)/g), ([, run]) => run?.length ?? 0)),
  );
  const raw = parameters.text.includes('\n') && !parameters.text.includes('\r');
  const text = raw ? `r${hashes}"${parameters.text}"${hashes}` : quotedInRust(parameters.text);
  const params =
    given.length > 0
      ? `CreateSandboxParams {\n${given.map(([name, value]) => `        ${name}: ${value},\n`).join('')}        ..Default::default()\n    }`
      : 'Default::default()';
  const imports = given.length > 0 ? 'use daytona::model::CreateSandboxParams;\n' : '';
  const call = parameters.isCode
    ? `sandbox.code_run(${name}, Default::default())`
    : `sandbox.process().exec(${name}, Default::default())`;
  return `${imports}use daytona::{Client, Config, Result};

const ${name}: &str = ${text};

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(${params}).await?;
    let response = ${call}.await;
    sandbox.delete().await?;
    println!("{}", response?.result);
    Ok(())
}
`;
}
