// The elements that pages are made of.

import type { ComponentChildren } from 'preact';
import { useEffect, useErrorBoundary, useId, useRef } from 'preact/hooks';
import { useAction } from './context.ts';
import { inWords } from './session.ts';

/** The heading of a page. It gets the focus when the page is opened, so that a screen reader begins there. */
export function Heading({ children, title }: { children: ComponentChildren; title: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Daytona`;
    heading.current?.focus();
  }, [title]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

/** Something that may fail, because a sandbox answers nonsense, while the rest stays; with a title where it is a whole page. */
export function Guarded({ children, title }: { children: ComponentChildren; title?: string }) {
  const [error, again] = useErrorBoundary();
  if (error === undefined) {
    return <>{children}</>;
  }
  return (
    <>
      {title !== undefined && <Heading title={title}>This could not be shown</Heading>}
      <Failure text={`${title === undefined ? 'This could not be shown: ' : ''}${inWords(error)}`} />
      <button type="button" onClick={again}>
        Try again
      </button>
    </>
  );
}

/** A field with its label, and what to know about it. */
export function Field(props: {
  label: string;
  hint?: string;
  children: (ids: { id: string; 'aria-describedby'?: string }) => ComponentChildren;
}) {
  const id = useId();
  const hint = props.hint === undefined ? {} : { 'aria-describedby': `${id}-hint` };
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.children({ id, ...hint })}
      {props.hint !== undefined && <small id={`${id}-hint`}>{props.hint}</small>}
    </div>
  );
}

/** A dialog that is open as long as it is there. */
export function Dialog(props: { title: string; close: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={props.close}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** A dialog with a form that makes something. It closes when that has been made, and stays open when it was refused. */
export function FormDialog(props: {
  title: string;
  close: () => void;
  /** Makes it of what was filled in; the text that is returned is told. */
  make: (form: FormData) => Promise<string | undefined>;
  children: ComponentChildren;
}) {
  const [busy, run] = useAction();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    if (await run(() => props.make(form))) {
      props.close();
    }
  };
  return (
    <Dialog title={props.title} close={props.close}>
      <form method="post" onSubmit={submit}>
        {props.children}
        <div class="actions">
          <button type="button" onClick={props.close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? 'Creating…' : 'Create'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Something that is shown once, to be copied. */
export function ShownOnce(props: { title: string; label: string; hint: string; value: string; close: () => void }) {
  return (
    <Dialog title={props.title} close={props.close}>
      <Field label={props.label} hint={props.hint}>
        {(ids) => <input {...ids} readOnly value={props.value} onFocus={(event) => event.currentTarget.select()} />}
      </Field>
      <div class="actions">
        <button type="button" class="primary" onClick={props.close}>
          Done
        </button>
      </div>
    </Dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirmation(props: {
  title: string;
  action: string;
  children: ComponentChildren;
  close: () => void;
  confirm: () => void;
}) {
  return (
    <Dialog title={props.title} close={props.close}>
      <p>{props.children}</p>
      <div class="actions">
        <button type="button" onClick={props.close}>
          Cancel
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            props.close();
            props.confirm();
          }}
        >
          {props.action}
        </button>
      </div>
    </Dialog>
  );
}

/** A table that scrolls in its own frame, or what to say when nothing is in it. */
export function Table(props: { caption: string; head: string[]; rows: ComponentChildren[]; none: string }) {
  if (props.rows.length === 0) {
    return <p class="none">{props.none}</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section class="scroll" tabIndex={0} aria-label={props.caption}>
      <table>
        <caption class="hidden">{props.caption}</caption>
        <thead>
          <tr>
            {props.head.map((title) => (
              <th scope="col" key={title}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.rows}</tbody>
      </table>
    </section>
  );
}

/** What went wrong while a page was loaded. */
export function Failure({ text }: { text: string | undefined }) {
  return text === undefined ? null : (
    <p role="alert" class="failure">
      {text}
    </p>
  );
}

/** A time as the reader's place writes it. */
export function Time({ at }: { at: string | null | undefined }) {
  if (at === null || at === undefined || at === '') {
    return <>–</>;
  }
  return <time dateTime={at}>{new Date(at).toLocaleString()}</time>;
}

/** The state of something. */
export function State({ state }: { state: string }) {
  return <span class={`state ${/^[a-z_]+$/.test(state) ? state : 'unknown'}`}>{state.replaceAll('_', ' ')}</span>;
}
