// One thing that needs the user: what happened, what Octet saw, and the ways to settle it, in Discord's words.
import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Suspense, lazy, useState } from 'react'
import { client, request, resultOf, type Schemas } from './api'
import { t } from './language'
import { useMay } from './me'
import { Act, Ago, Said, To } from './parts'

export type OfferedNeed = Schemas['OfferedNeed']
type Offer = Schemas['Offer']
type FirstScreen = Schemas['FirstScreen']

export const useHome = () => useQuery({ queryKey: ['home'], queryFn: () => resultOf(client.GET('/api/v2/fleet/home')) })

const LiveWindow = lazy(() => import('./window'))

const keyOf = ({ need }: OfferedNeed) => [need.kind, need.task, need.about, need.agent, need.desk, need.window].join(' ')

export function Needs({ needs }: { needs: OfferedNeed[] }) {
  return (
    <div className="octet-rows">
      {needs.map((one) => (
        <NeedRow key={keyOf(one)} one={one} />
      ))}
    </div>
  )
}

function NeedRow({ one }: { one: OfferedNeed }) {
  const { need, next, offers } = one
  const queries = useQueryClient()
  const [writes, setWrites] = useState<Offer>()
  const settle = async (offer: Offer, text?: string) => {
    await request(offer.call, offer.asks ? { ...offer.body, [offer.asks]: text } : offer.body)
    queries.setQueryData<FirstScreen>(['home'], (now) => now && { ...now, needs: now.needs.filter((other) => keyOf(other) !== keyOf(one)) })
    await queries.invalidateQueries()
  }
  return (
    <div className="octet-row" data-need={need.kind}>
      <Stack gap={6}>
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Text fw={600}>
            {need.task && <To href={`/tasks/${need.task}`}>{need.task}</To>} {need.what.charAt(0).toUpperCase() + need.what.slice(1)}
          </Text>
          <Ago ms={need.since_ms} />
        </Group>
        <Text size="sm">
          {need.title} {need.agent && <To href={`/agents/${need.agent}`}>{need.agent}</To>}
          {need.more > 0 && ` ${t('and {more} more', { more: need.more })}`}
        </Text>
        <Evidence need={need} />
        {next && <Text size="sm" c="var(--octet-quiet)"><Said text={next} /></Text>}
        <Group gap="xs" align="flex-start">
          {offers.map((offer) =>
            offer.asks ? (
              <Button key={offer.label} size="xs" variant="default" aria-expanded={writes === offer} onClick={() => setWrites(writes === offer ? undefined : offer)}>
                {offer.label}
              </Button>
            ) : (
              <Act key={offer.label} call={() => settle(offer)}>{offer.label}</Act>
            ),
          )}
        </Group>
        {writes && <OwnWords label={writes.label} send={(text) => settle(writes, text)} />}
      </Stack>
    </div>
  )
}

function OwnWords({ label, send }: { label: string; send: (text: string) => Promise<unknown> }) {
  const [text, setText] = useState('')
  return (
    <Stack gap="xs">
      <Textarea aria-label={label} autosize minRows={2} autoFocus value={text} onChange={(event) => setText(event.currentTarget.value)} />
      <Act variant="filled" disabled={!text.trim()} call={() => send(text)}>{t('Send')}</Act>
    </Stack>
  )
}

/** What Octet saw: the whole of what an agent asks, and the picture of its window on request. */
function Evidence({ need }: { need: OfferedNeed['need'] }) {
  const may = useMay()
  const [looks, setLooks] = useState(need.kind === 'needs_answer' && !need.seen)
  const asks = need.kind === 'needs_answer' && need.about
  const dialog = useQuery({
    queryKey: ['dialog', need.about],
    enabled: Boolean(asks),
    queryFn: () => resultOf(client.GET('/api/v2/dialogs/{dialog}', { params: { path: { dialog: need.about } } })),
  })
  const text = dialog.data?.text || need.seen
  const canLook = need.agent && need.desk && may('desk.look')
  return (
    <>
      {text && <pre className="octet-text octet-quote">{text}</pre>}
      {canLook && <Group><Button size="compact-xs" variant="subtle" aria-expanded={looks} onClick={() => setLooks(!looks)}>{t('Screenshot')}</Button></Group>}
      {canLook && looks && <Suspense><LiveWindow agent={need.agent ?? ''} lane="window" isLarge /></Suspense>}
    </>
  )
}
