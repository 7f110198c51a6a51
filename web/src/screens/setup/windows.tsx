// Connecting windows: a calibration of one desk, with its pictures.
import '@mantine/core/styles/Checkbox.css'
import { Checkbox, Group, List, Loader, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearch } from 'wouter'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { Act, Nothing, Shown, To } from '../../parts'
import { Picture } from '../../picture'

type Step = Schemas['CalibrationStep']
type Answer = Schemas['Chosen'] | Schemas['ComposerPlace'] | Schemas['Agreed']
const LOOK_MS = 1_000
const nameOf = (desk: Schemas['Desk']) => (desk as { name?: string }).name ?? '' // its file's name, which no file says

export default function SetupWindows() {
  const asked = new URLSearchParams(useSearch()).get('desk')
  const desks = useQuery({ queryKey: ['desks', 'setup'], meta: { isFixed: true }, queryFn: () => resultOf(client.GET('/api/v2/desks')) })
  const [chosen, setChosen] = useState('')
  const [step, setStep] = useState<Step>()
  return (
    <Stack>
      <Title order={1} size="h2">{t('Connect windows')}</Title>
      <Shown query={desks}>
        {(rows) => {
          const names = rows.filter((one) => !one.desk.tmux).map((one) => nameOf(one.desk))
          const desk = chosen || asked || names[0]
          if (!desk) return <Nothing>{t('No desk has windows. Run {command} at the machine where the windows are.', { command: 'octet init' })}</Nothing>
          const path = { params: { path: { name: desk } } }
          return (
            <>
              <Group align="flex-end">
                <NativeSelect label={t('Desk')} data={names} value={desk} onChange={(event) => { setChosen(event.currentTarget.value); setStep(undefined) }} />
                <Act variant={step ? 'default' : 'filled'} needs="desk.see" call={async () => setStep(await resultOf(client.POST('/api/v2/desks/{name}/calibration', { ...path, body: { only: '', own_window: 0 } })))}>{step ? t('Start again') : t('Start')}</Act>
              </Group>
              <Text size="sm">{t('Octet looks at the whole display of this desk, and shows it only to owners.')}</Text>
              {step && <Calibration key={desk} desk={desk} step={step} next={setStep} />}
            </>
          )
        }}
      </Shown>
    </Stack>
  )
}

function Calibration({ desk, step, next }: { desk: string; step: Step; next: (step: Step) => void }) {
  const path = { params: { path: { name: desk } } }
  const [isBusy, setIsBusy] = useState(false)
  // No row of the journal tells what a calibration does between two questions, so the page asks while Octet works.
  const words = useQuery({
    queryKey: ['calibration', desk, step.number],
    meta: { isFixed: true },
    queryFn: () => resultOf(client.GET('/api/v2/desks/{name}/calibration/words', path)),
    refetchInterval: isBusy && LOOK_MS,
    gcTime: 0,
  })
  const give = async (answer: Answer) => {
    setIsBusy(true)
    try {
      next(await resultOf(client.POST('/api/v2/desks/{name}/calibration/answer', { ...path, body: answer as never })))
    } finally {
      setIsBusy(false)
    }
  }
  const now = step.now
  return (
    <Shown query={words}>
      {({ asks, lines, why_not, part }) => (
        <Stack>
          <List size="sm" role="log" aria-label={t('What Octet did')}>{lines.map((line, at) => <List.Item key={at}>{line}</List.Item>)}</List>
          {isBusy && <Loader aria-label={t('Octet tests the windows')} />}
          {!isBusy && asks && <Text fw={600}>{asks}</Text>}
          {now && now.kind !== 'result' && now.kind !== 'point_at' && <Numbered desk={desk} number={step.number} />}
          {now?.kind === 'choose_windows' && <Choose question={now} whyNot={why_not ?? {}} give={give} />}
          {now?.kind === 'point_at' && <Point question={now} part={part} desk={desk} number={step.number} give={give} />}
          {now?.kind === 'know_by_place' && (
            <Group>
              <Act variant="filled" call={() => give({ kind: 'agreed', is_yes: true })}>{t('By their places')}</Act>
              <Act call={() => give({ kind: 'agreed', is_yes: false })}>{t('Leave them out')}</Act>
            </Group>
          )}
          {now?.kind === 'result' && <Text><To href="/agents">{t('Look at the agents')}</To> · <To href="/tasks">{t('Give a first task')}</To></Text>}
        </Stack>
      )}
    </Shown>
  )
}

function Choose({ question, whyNot, give }: { question: Schemas['ChooseWindows']; whyNot: Record<string, string>; give: (answer: Answer) => Promise<void> }) {
  const [picks, setPicks] = useState(() => question.candidates.map((one) => ({ number: one.number, agent: one.agent ?? '', isOn: !one.why_not })))
  const change = (number: number, to: Partial<(typeof picks)[0]>) => setPicks(picks.map((one) => (one.number === number ? { ...one, ...to } : one)))
  const wanted = picks.filter((one) => one.isOn)
  return (
    <Stack gap="xs">
      {question.candidates.length === 0 && <Nothing>{t('No window is on this display. Open the agents’ windows there, then start again.')}</Nothing>}
      {question.candidates.map((one, at) => (
        <div className="octet-row" key={one.number}>
          <Group align="flex-end">
            <Checkbox label={`${one.number}: ${one.window.title || one.window.kind}`} checked={picks[at]?.isOn ?? false} onChange={(event) => change(one.number, { isOn: event.currentTarget.checked })} />
            {picks[at]?.isOn && <TextInput label={t('Agent')} value={picks[at]?.agent} onChange={(event) => change(one.number, { agent: event.currentTarget.value })} />}
          </Group>
          <Text size="sm" c="var(--octet-quiet)">{whyNot[one.number] || one.profile}</Text>
        </div>
      ))}
      <Act variant="filled" disabled={!wanted.length} call={() => give({ kind: 'chosen', picks: wanted.map(({ number, agent }) => ({ number, agent })) as Schemas['Chosen']['picks'] })}>
        {wanted.length === 1 ? t('Test and connect this window') : t('Test and connect {number} windows', { number: wanted.length })}
      </Act>
    </Stack>
  )
}

function Point({ question, part, desk, number, give }: { question: Schemas['PointAt']; part: Schemas['Box'] | null | undefined; desk: string; number: number; give: (answer: Answer) => Promise<void> }) {
  const [place, setPlace] = useState(question.within ?? '')
  const click = useMutation({
    mutationFn: async ([x, y]: [number, number]) => part && give({ kind: 'pointed', point: [part.x + Math.floor(x * part.width), part.y + Math.floor(y * part.height)] } as Answer),
  })
  return (
    <Stack gap="xs">
      <Text size="sm">{t('Click at the middle of the empty composer, or write its number.')}</Text>
      {click.error && <Text size="sm" c="var(--octet-bad)" role="alert">{click.error.message}</Text>}
      <Numbered desk={desk} number={number} click={(x, y) => click.mutate([x, y])} />
      <Group align="flex-end">
        <TextInput label={t('The number on its composer')} description={t('Such as 37, or more exactly 37-4')} value={place} onChange={(event) => setPlace(event.currentTarget.value)} />
        <Act variant="filled" disabled={!place.trim()} call={() => give({ kind: 'pointed', place: place.trim() } as Answer)}>{t('It is there')}</Act>
        <Act call={() => give({ kind: 'pointed' } as Answer)}>{t('Leave this window out')}</Act>
      </Group>
    </Stack>
  )
}

const Numbered = ({ desk, number, click }: { desk: string; number: number; click?: (x: number, y: number) => void }) => (
  <Picture call={`GET /desks/${encodeURIComponent(desk)}/calibration/picture`} of={number} click={click} alt={t('The display with a number on each window or place')} />
)
