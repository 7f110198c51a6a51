// Which agent had which task when, and why agents waited meanwhile: as bars, and as a table.
import { Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useLocation, useSearch } from 'wouter'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { aged, Nothing, Shown, Sign, To } from '../../parts'
import { wordOf } from '../../words'
import { outcomeColour } from './outcomes'
import './timeline.css'

type Found = Schemas['Timeline']
type Gap = Schemas['Gap'] & { why: string }
type Span = { key: string; agents: string[]; fromMs: number; toMs: number; isOpen: boolean; what: string; task: string; colour: string; isGap: boolean }

const RANGES: [hours: number, words: string][] = [[1, '1 h'], [6, '6 h'], [24, '24 h'], [168, '7 d']]
const TICKS = 6

export default function Timeline() {
  const search = new URLSearchParams(useSearch())
  const [where] = useLocation()
  const hours = RANGES.find(([one]) => String(one) === search.get('hours'))?.[0] ?? 6
  const query = useQuery({
    queryKey: ['timeline', hours],
    queryFn: () => resultOf(client.GET('/api/v2/fleet/timeline', { params: { query: { hours } } })),
  })
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">{t('Timeline')}</Title>
        <Group gap={4} component="nav" aria-label={t('How far back')}>
          {RANGES.map(([one, words]) => (
            <Button key={one} component={Link} href={`${where}?hours=${one}`} className="octet-choice" size="compact-sm" variant="default" aria-current={one === hours || undefined}>
              {t(words)}
            </Button>
          ))}
        </Group>
      </Group>
      <Shown query={query}>
        {(found) => (found.agents.length ? <Spans found={found} fromMs={Math.max(found.since_ms, found.until_ms - hours * 3_600_000)} /> : <Nothing>{t('No agents yet.')}</Nothing>)}
      </Shown>
    </Stack>
  )
}

function Spans({ found, fromMs }: { found: Found; fromMs: number }) {
  const spans = spansOf(found)
  const { agents, until_ms: toMs } = found
  const whole = Math.max(1, toMs - fromMs)
  const at = (ms: number) => `${(100 * (Math.min(Math.max(ms, fromMs), toMs) - fromMs)) / whole}%`
  const wide = (one: Span) => `${(100 * (Math.min(one.toMs, toMs) - Math.max(one.fromMs, fromMs))) / whole}%`
  const ticks = Array.from({ length: TICKS }, (_, tick) => fromMs + (whole * tick) / TICKS)
  return (
    <Stack>
      {found.attempts.length === 0 && <Nothing>{t('No agent had a task in this time.')}</Nothing>}
      <div className="octet-timeline">
        <div className="octet-lane" aria-hidden="true">
          <span />
          <div className="octet-ticks">
            {ticks.map((ms) => (
              <span key={ms} style={{ left: at(ms) }}>{clock(ms, whole)}</span>
            ))}
          </div>
        </div>
        {agents.map((agent) => (
          <div className="octet-lane" key={agent}>
            <To href={`/agents/${agent}`}>{agent}</To>
            <div className="octet-track">
              {spans.filter((one) => one.agents.includes(agent)).map((one) => {
                const looks = { className: one.isGap ? 'octet-gap' : 'octet-bar', 'data-colour': one.colour, style: { left: at(one.fromMs), width: wide(one) }, title: said(one) }
                return one.isGap ? <span key={one.key} role="img" aria-label={said(one)} {...looks} /> : <Link key={one.key} href={`/tasks/${one.task}`} aria-label={said(one)} {...looks}>{one.task}</Link>
              })}
            </div>
          </div>
        ))}
      </div>
      <details>
        <summary>{t('As a table')}</summary>
        <div className="octet-wide" tabIndex={0} role="region" aria-label={t('As a table')}>
          <Table className="octet-spans">
            <Table.Thead>
              <Table.Tr>
                {[t('Agent'), t('What'), t('Began'), t('Took')].map((one) => <Table.Th key={one}>{one}</Table.Th>)}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {spans.map((one) => (
                <Table.Tr key={one.key}>
                  <Table.Td>{one.agents.length === agents.length && one.isGap ? t('all') : one.agents.join(', ')}</Table.Td>
                  <Table.Td>{one.task ? <To href={`/tasks/${one.task}`}>{one.task}</To> : null} <Sign colour={one.colour}>{one.what}</Sign></Table.Td>
                  <Table.Td>{new Date(one.fromMs).toLocaleString()}</Table.Td>
                  <Table.Td>{aged(one.toMs - one.fromMs)}{one.isOpen && ` ${t('until now')}`}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </details>
      <Text size="sm" c="var(--octet-quiet)">{t('Grey stripes: the agent got no task. Orange stripes: it waited, for example for an answer. Octet has records since {time}.', { time: new Date(found.since_ms).toLocaleString() })}</Text>
    </Stack>
  )
}

/** Return the attempts and gaps as spans of one kind, the gaps first: bars lie over them. */
function spansOf({ attempts, gaps, until_ms, agents }: Found): Span[] {
  const rests = (gaps as Gap[]).map((one, at) => ({
    key: `gap ${at}`,
    agents: one.agents.length || one.desk ? one.agents : agents,
    fromMs: one.since_ms,
    toMs: one.until_ms ?? until_ms,
    isOpen: one.until_ms == null,
    what: explained(one),
    task: one.task,
    colour: one.task || one.state === 'needs_input' ? 'orange' : 'gray',
    isGap: true,
  }))
  const tasks = attempts.map(({ attempt, title }) => ({
    key: `${attempt.task} ${attempt.fence}`,
    agents: [attempt.agent],
    fromMs: attempt.began_ms,
    toMs: attempt.ended_ms ?? until_ms,
    isOpen: attempt.ended_ms == null,
    what: `${title} · ${attempt.outcome ? wordOf('outcome', attempt.outcome) : t('under way')}`,
    task: attempt.task,
    colour: outcomeColour(attempt.outcome),
    isGap: false,
  }))
  return [...rests, ...tasks].sort((one, other) => Number(other.isGap) - Number(one.isGap) || one.fromMs - other.fromMs)
}

function explained({ state, desk, task, why }: Gap): string {
  if (!state) return t('Octet did not run')
  const what = desk ? `${t('Desk {desk}', { desk })} ${wordOf('desk', state)}` : wordOf(task ? 'task' : 'agent', state)
  return why ? `${what}: ${why}` : what
}

const said = (one: Span) => `${one.task} ${one.what}, ${new Date(one.fromMs).toLocaleString()}, ${aged(one.toMs - one.fromMs)}`.trim()

function clock(ms: number, whole: number): string {
  const day = whole > 36 * 3_600_000 ? ({ weekday: 'short', hour: '2-digit', minute: '2-digit' } as const) : ({ hour: '2-digit', minute: '2-digit' } as const)
  return new Date(ms).toLocaleString(undefined, day)
}
