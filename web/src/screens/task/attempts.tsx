// Who had a task, for how long, and how that ended.
import { Table, Title } from '@mantine/core'
import { t } from '../../language'
import { Ago, aged, Nothing, Sign, To } from '../../parts'
import { wordOf } from '../../words'
import { outcomeColour } from '../timeline/outcomes'
import type { View } from '.'

export function Attempts({ view: { attempts } }: { view: View }) {
  return (
    <section aria-label={t('Attempts')}>
      <Title order={2} size="h4">{t('Attempts')}</Title>
      {attempts.length === 0 ? (
        <Nothing>{t('No agent had it yet.')}</Nothing>
      ) : (
        <div className="octet-wide" tabIndex={0} role="region" aria-label={t('Attempts')}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                {[t('Agent'), t('Began'), t('Took'), t('Outcome'), t('Known by'), t('Tokens'), t('Cost')].map((one) => (
                  <Table.Th key={one}>{one}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {attempts.map((one) => (
                <Table.Tr key={one.fence}>
                  <Table.Td><To href={`/agents/${one.agent}`}>{one.agent}</To></Table.Td>
                  <Table.Td><Ago ms={one.began_ms} /></Table.Td>
                  <Table.Td>{one.ended_ms && aged(one.ended_ms - one.began_ms)}</Table.Td>
                  <Table.Td>
                    <Sign colour={one.is_disowned ? 'red' : outcomeColour(one.outcome)}>{one.outcome ? wordOf('outcome', one.outcome) : t('under way')}</Sign>
                  </Table.Td>
                  <Table.Td>{one.known_by && wordOf('known_by', one.known_by)}</Table.Td>
                  <Table.Td>{one.tokens?.toLocaleString()}</Table.Td>
                  <Table.Td>{one.cost_micros != null && `$${(one.cost_micros / 1_000_000).toFixed(4)}`}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </section>
  )
}
