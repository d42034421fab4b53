import type { Connection } from './connection.js';
import type { LspLanguageId } from './generated/enums.js';
import type { LspServerInfo } from './generated/models.js';
import { type Inspect, inspection, shown } from './inspection.js';
import { Service, type Target } from './service.js';

/** A language server as an object: its language and project. */
export abstract class LanguageServer extends Service {
  /** Language of the server. */
  readonly languageId: LspLanguageId;
  /** Directory of the project. */
  readonly pathToProject: string;

  /** @internal */
  constructor(connection: Connection, target: Target, info: LspServerInfo) {
    super(connection, target);
    this.languageId = info.languageId;
    this.pathToProject = info.pathToProject;
  }

  /** Language and project. */
  toJSON(): LspServerInfo {
    return { languageId: this.languageId, pathToProject: this.pathToProject };
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    return shown('LspServer', this.toJSON(), options, inspect);
  }
}
