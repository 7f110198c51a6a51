// The list of the page's keys.
import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { hasSingleKeys, setSingleKeys } from '../keys'
import { t } from '../language'
import { useMay } from '../me'
import { menuFor } from '../screens'
import { Dialog } from './dialog'

export default function Keys({ close }: { close: () => void }) {
  const [isOn, setIsOn] = useState(hasSingleKeys())
  const screens = menuFor(useMay()).slice(0, 9)
  const rows = [
    ['Ctrl K', t('Commands: go to a screen, an agent or a task, or run any command')],
    ['/', t('the same')],
    ['?', t('this list')],
    ...screens.map(({ name = '' }, at) => [String(at + 1), t(name)]),
    ['↑ ↓', t('choose in a list')],
    ['Enter', t('take what is chosen')],
    ['Esc', t('close')],
  ]
  return (
    <Dialog label={t('Keys')} close={close}>
      <Stack>
        <Title order={2} size="h4">{t('Keys')}</Title>
        <dl className="octet-keys">
          {rows.map(([key, what]) => (
            <div key={key}>
              <dt><kbd>{key}</kbd></dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <label>
          <input
            type="checkbox"
            checked={isOn}
            onChange={(event) => {
              setSingleKeys(event.currentTarget.checked)
              setIsOn(event.currentTarget.checked)
            }}
          />{' '}
          {t('Keys without Ctrl are on')}
        </label>
        <Text size="sm" c="var(--octet-quiet)">{t('They do nothing while you write.')}</Text>
        <Group><Button size="xs" variant="default" onClick={close}>{t('Close')}</Button></Group>
      </Stack>
    </Dialog>
  )
}
