// What every part of the page needs: the session, the live sandboxes, and a place for messages.

import { createContext } from 'preact';
import { useCallback, useContext, useEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { Live } from './live.ts';
import { inWords, type Session } from './session.ts';

export interface Workspace {
  session: Session;
  live: Live;
  /** Shows a message, which is also read out. */
  say: (text: string) => void;
  /** Shows what went wrong. */
  fail: (error: unknown) => void;
}

export const WorkspaceContext = createContext<Workspace | undefined>(undefined);

export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (workspace === undefined) {
    throw new Error('outside of a session');
  }
  return workspace;
}

/** Draws again whenever a sandbox changes. */
export function useLive(): Live {
  const { live } = useWorkspace();
  const [, draw] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => live.listen(() => draw(undefined)), [live]);
  return live;
}

export interface Loaded<T> {
  value: T | undefined;
  error: string | undefined;
  reload: () => void;
}

/** Loads something, and again when `on` changes. An answer that has been overtaken is not shown. */
export function useLoad<T>(load: () => Promise<T>, on: unknown[]): Loaded<T> {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<string>();
  const latest = useRef(0);
  const again = useCallback(() => {
    latest.current += 1;
    const number = latest.current;
    load().then(
      (value) => {
        if (number === latest.current) {
          setValue(() => value);
          setError(undefined);
        }
      },
      (error) => number === latest.current && setError(inWords(error)),
    );
  }, on);
  useEffect(() => {
    again();
    return () => {
      latest.current += 1;
    };
  }, [again]);
  return { value, error, reload: again };
}

/** Runs one action at a time and shows how it ended. */
export function useAction(): [busy: boolean, run: (work: () => Promise<string | undefined>) => Promise<boolean>] {
  const { say, fail } = useWorkspace();
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<string | undefined>) => {
    setBusy(true);
    try {
      const told = await work();
      if (told !== undefined) {
        say(told);
      }
      return true;
    } catch (error) {
      fail(error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return [busy, run];
}
