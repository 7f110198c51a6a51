// Parts of every screen: its three states, moments, signs of states, and buttons that do something.
import { Alert, Anchor, Button, Group, Loader, Stack, Text, type ButtonProps } from '@mantine/core'
import { useMutation, type UseQueryResult } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { colourOf, wordOf } from './words'

/** Show a query: that it loads, why it failed and what to do, or what it found. */
export function Shown<T>({ query, children }: { query: UseQueryResult<T>; children: (found: T) => ReactNode }) {
  if (query.isPending) return <Loader aria-label="Loading" />
  if (query.data === undefined)
    return (
      <Alert color="red" title="Octet did not show this" role="alert">
        <Stack align="flex-start">
          {query.error?.message}
          <Button size="xs" variant="default" onClick={() => void query.refetch()}>
            Try again
          </Button>
        </Stack>
      </Alert>
    )
  return (
    <>
      {query.error && (
        <Alert color="yellow" role="status" mb="sm">
          Shown as of {new Date(query.dataUpdatedAt).toLocaleTimeString()}. {query.error.message}
        </Alert>
      )}
      {children(query.data)}
    </>
  )
}

export const Nothing = ({ children }: { children: ReactNode }) => <Text c="var(--octet-quiet)">{children}</Text>

function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs)
    return () => window.clearInterval(timer)
  }, [everyMs])
  return now
}

function aged(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86_400)} d`
}

/** How long ago a moment was; the exact moment on hover. */
export function Ago({ ms }: { ms: number }) {
  const now = useNow(5_000)
  if (!ms) return null
  return (
    <time className="octet-ago" dateTime={new Date(ms).toISOString()} title={new Date(ms).toLocaleString()}>
      {aged(now - ms)}
    </time>
  )
}

export function State({ state, of }: { state: string; of: 'task' | 'agent' | 'delivery' }) {
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
  <Anchor component={Link} href={href}>
    {children}
  </Anchor>
)

/** A button that calls a verb; it says what Octet refused, and asks first where `sure` has a question. */
export function Act({ call, children, sure, ...looks }: ButtonProps & { call: () => Promise<unknown>; children: ReactNode; sure?: string }) {
  const act = useMutation({ mutationFn: call })
  const [asks, setAsks] = useState(false)
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
            No
          </Button>
        )}
      </Group>
      {act.error && (
        <Text size="sm" c="var(--octet-bad)" role="alert">
          {act.error.message}
        </Text>
      )}
    </Stack>
  )
}
