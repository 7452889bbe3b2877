// A button, and the help that it opens; it begins at its title, not at the button that closes it.

import { useRef } from "preact/hooks";

export function Help(props: { title: string; children: preact.ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button onClick={() => dialog.current?.showModal()}>Help</button>
      <dialog ref={dialog} aria-labelledby="help-title">
        <h2 id="help-title" tabIndex={-1} autoFocus>{props.title}</h2>
        {props.children}
        <form method="dialog"><button class="main">Close</button></form>
      </dialog>
    </>
  );
}
