// Parts of every screen: its three states, moments, signs of states, and buttons that do something.
import { Alert, Anchor, Button, Group, Loader, Stack, Text, type ButtonProps } from '@mantine/core'
import { useMutation, type UseQueryResult } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { language, t } from './language'
import { useMay, useNameOf } from './me'
import { colourOf, wordOf } from './words'

/** Show a query: that it loads, why it failed and what to do, or what it found. */
export function Shown<T>({ query, children }: { query: UseQueryResult<T>; children: (found: T) => ReactNode }) {
  if (query.isPending) return <Loader aria-label={t('Loading')} />
  if (query.data === undefined)
    return (
      <Alert color="red" title={t('Octet did not show this')} role="alert">
        <Stack align="flex-start">
          <Said text={query.error?.message ?? ''} />
          <Button size="xs" variant="default" onClick={() => void query.refetch()}>
            {t('Try again')}
          </Button>
        </Stack>
      </Alert>
    )
  return (
    <>
      {query.error && (
        <Alert color="yellow" role="status" mb="sm">
          {t('Shown as of {time}.', { time: new Date(query.dataUpdatedAt).toLocaleTimeString(language()) })} <Said text={query.error.message} />
        </Alert>
      )}
      {children(query.data)}
    </>
  )
}

export const Nothing = ({ children }: { children: ReactNode }) => <Text c="var(--octet-quiet)">{children}</Text>

/** A sentence of Octet: `code` that users copy, and *labels* of what they press. */
export function Said({ text }: { text: string }) {
  return text.split(/(`[^`]+`|\*[^*\s][^*]*\*)/).map((part, at) => {
    if (at % 2 === 0) return part
    return part.startsWith('`') ? <code key={at}>{part.slice(1, -1)}</code> : <b key={at}>{part.slice(1, -1)}</b>
  })
}

function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs)
    return () => window.clearInterval(timer)
  }, [everyMs])
  return now
}

export function aged(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return t('{s} s', { s })
  if (s < 3600) return t('{min} min', { min: Math.floor(s / 60) })
  if (s < 86_400) return t('{h} h {min} min', { h: Math.floor(s / 3600), min: Math.floor((s % 3600) / 60) })
  return t('{d} d', { d: Math.floor(s / 86_400) })
}

/** How long ago a moment was; the exact moment on hover. */
export function Ago({ ms }: { ms: number }) {
  const now = useNow(5_000)
  if (!ms) return null
  return (
    <time className="octet-ago" dateTime={new Date(ms).toISOString()} title={new Date(ms).toLocaleString(language())}>
      {aged(now - ms)}
    </time>
  )
}

export function State({ state, of }: { state: string; of: 'task' | 'agent' | 'delivery' | 'desk' }) {
  return (
    <Sign colour={colourOf(of, state)} state={state}>
      {wordOf(of, state)}
    </Sign>
  )
}

/** A word with the colour of what it means. */
export const Sign = ({ colour, state, children }: { colour: string; state?: string; children: ReactNode }) => (
  <span className="octet-sign" data-colour={colour} data-state={state}>
    {children}
  </span>
)

export const To = ({ href, children }: { href: string; children: ReactNode }) => (
  <Anchor component={Link} href={href} underline="always" className="octet-link">
    {children}
  </Anchor>
)

const PLACES: Record<string, string> = { task: '/tasks/', agent: '/agents/', message: '/messages/M-' }
const LONG_ID = /^[0-9A-Z]{26}$/ // of messages and deliveries; its end is enough to tell two apart

/** What a row of the journal is about, with a link where there is a screen for it. */
export function Subject({ of: subject }: { of: string }) {
  const nameOf = useNameOf()
  if (subject.startsWith('person:')) return <span title={subject}>{nameOf(subject)}</span>
  const [kind = '', name = ''] = subject.split(/:(.*)/)
  const said = LONG_ID.test(name) ? `${kind} …${name.slice(-6)}` : PLACES[kind] ? name : subject
  const place = PLACES[kind]
  return <span title={subject}>{place ? <To href={place + encodeURIComponent(name)}>{said}</To> : said}</span>
}

type ActProps = ButtonProps & { call: () => Promise<unknown>; children: ReactNode; sure?: string; needs?: string }

/** A button that calls a verb; it says what Octet refused, and asks first where `sure` has a question. Users without the
 * permission that it `needs` do not see it. */
export function Act({ call, children, sure, needs, ...looks }: ActProps) {
  const may = useMay()
  const act = useMutation({ mutationFn: call })
  const [asks, setAsks] = useState(false)
  if (needs && !may(needs)) return null
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Button
          size="xs"
          variant="default"
          {...looks}
          loading={act.isPending}
          onClick={() => {
            if (sure && !asks) return setAsks(true)
            setAsks(false)
            act.mutate()
          }}
        >
          {asks ? sure : children}
        </Button>
        {asks && (
          <Button size="xs" variant="subtle" onClick={() => setAsks(false)}>
            {t('No')}
          </Button>
        )}
      </Group>
      {act.error && (
        <Text size="sm" c="var(--octet-bad)" role="alert">
          <Said text={act.error.message} />
        </Text>
      )}
    </Stack>
  )
}
