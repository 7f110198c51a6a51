// An agent's text as Markdown. The text is hostile: no HTML, no pictures, and links only to the web.
import { Button } from '@mantine/core'
import { useRef, useState, type ReactNode } from 'react'
import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { t } from './language'

const Line = ({ children }: { children?: ReactNode }) => <p><strong>{children}</strong></p>

const PARTS: Components = {
  a: ({ href, children }) =>
    href ? <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a> : <span>{children}</span>,
  img: ({ src, alt }) =>
    src ? <a href={String(src)} target="_blank" rel="noopener noreferrer nofollow">{alt || String(src)}</a> : <span>{alt}</span>,
  pre: ({ children }) => <Code>{children}</Code>,
  table: ({ children }) => <div className="octet-wide" role="group" tabIndex={0} aria-label={t('Table')}><table>{children}</table></div>,
  input: ({ checked }) => <span>{checked ? '☑' : '☐'}</span>,
  h1: Line, h2: Line, h3: Line, h4: Line, h5: Line, h6: Line,
}

/** Return an address of the web as it is, any other as nothing. */
export const onlyWeb = (url: string) => (/^https?:\/\//i.test(url) ? url : '')

export default function Markdown({ text }: { text: string }) {
  return (
    <div className="octet-markdown">
      <ReactMarkdown remarkPlugins={[remarkGfm]} urlTransform={onlyWeb} components={PARTS}>{text}</ReactMarkdown>
    </div>
  )
}

function Code({ children }: { children?: ReactNode }) {
  const box = useRef<HTMLPreElement>(null)
  const [said, setSaid] = useState('')
  const copy = async () => {
    await navigator.clipboard.writeText(box.current?.textContent ?? '').then(
      () => setSaid(t('Copied')),
      () => setSaid(t('Not copied')),
    )
    window.setTimeout(() => setSaid(''), 2_000)
  }
  return (
    <div className="octet-code">
      <pre ref={box} tabIndex={0} role="group" aria-label={t('Code')}>{children}</pre>
      <Button size="compact-xs" variant="default" onClick={() => void copy()}>{said || t('Copy')}</Button>
    </div>
  )
}
