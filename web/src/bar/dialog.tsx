// A dialog over the page. The browser keeps the focus in it, closes it with Escape and gives the focus back.
import { useLayoutEffect, useRef, type ReactNode } from 'react'

export function Dialog({ label, close, children }: { label: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    return () => shown?.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      className="octet-dialog"
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div>{children}</div>
    </dialog>
  )
}
