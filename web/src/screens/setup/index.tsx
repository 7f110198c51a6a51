// Wizards: the first agent, connecting windows, and inviting a person.
import { Stack, Text, Title } from '@mantine/core'
import { t } from '../../language'
import { To } from '../../parts'

const WIZARDS = [
  ['/setup/agent', 'An agent that Octet starts', 'A program such as OpenCode or Gemini CLI, without a window; or a pane of your tmux.'],
  ['/setup/windows', 'Windows that are open', 'Octet numbers the windows of a desk, tests each with a draft and saves what works.'],
  ['/setup/person', 'A person', 'Give a person a role, and make the address that logs their browser in.'],
] as const

export default function Setup() {
  return (
    <Stack>
      <Title order={1} size="h2">{t('Setup')}</Title>
      <div className="octet-cards">
        {WIZARDS.map(([href, name, about]) => (
          <div className="octet-row" key={href}>
            <To href={href}>{t(name)}</To>
            <Text size="sm">{t(about)}</Text>
          </div>
        ))}
      </div>
    </Stack>
  )
}
