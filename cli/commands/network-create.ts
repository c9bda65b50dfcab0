/** `weft network create NAME`: one network more. */
import { WeftError } from '../../controlplane/api/errors.ts';
import type { WantedSubnet } from '../../controlplane/api/network-model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { createdLine } from '../network-text.ts';
import { listOf, textOf, type Values } from '../parse.ts';
import { printAnswer } from '../print.ts';
import { printable } from '../text.ts';
import { newId } from './attach.ts';

const OPTIONS = ['encrypted', 'multicast'];
const NUMBER_LIMIT = 2 ** 31 - 1;

export async function run(context: Context): Promise<void> {
  const { words, values, io } = context;
  const [name = ''] = words;
  const options = optionsIn(values);
  const dnsTtl = numberIn(values, 'dns-ttl');
  await withDaemon(context, async (client) => {
    const { network, silent } = await client.network.create({
      id: textOf(values, 'id') ?? newId(),
      name,
      subnets: subnetsIn(values),
      internal: values['internal'] === true,
      encrypted: options.has('encrypted'),
      multicast: options.has('multicast'),
      mtu: numberIn(values, 'mtu') ?? 0,
      ...(dnsTtl === undefined ? {} : { dnsTtl }),
      labels: listOf(values, 'label'),
    });
    printAnswer(context, network, () => [createdLine(network)]);
    if (silent.length > 0)
      io.stderr.write(
        `weft: did not say whether they have a route there: ${printable(silent.join(', '))}\n`,
      );
  });
}

function optionsIn(values: Values): Set<string> {
  const options = new Set(listOf(values, 'opt').map((text) => text.replace(/=true$/, '')));
  const odd = [...options].find((option) => !OPTIONS.includes(option));
  if (odd === undefined) return options;
  throw new WeftError('WEFT_USAGE', `there is no option ${JSON.stringify(odd)}`, {
    fix: `give one of ${OPTIONS.join(', ')}`,
  });
}

/** What belongs to a subnet goes to that of its family. */
function subnetsIn(values: Values): WantedSubnet[] {
  const prefixes = listOf(values, 'subnet');
  const all = {
    gateways: listOf(values, 'gateway'),
    ranges: listOf(values, 'ip-range'),
    aux: listOf(values, 'aux-address'),
  };
  for (const family of ['4', '6']) {
    const own = [...all.gateways, ...all.ranges, ...all.aux].find(
      (text) => familyOf(text) === family,
    );
    if (own !== undefined && !prefixes.some((prefix) => familyOf(prefix) === family))
      throw new WeftError('WEFT_USAGE', `there is no subnet for ${own}`, {
        fix: 'give it with --subnet',
      });
  }
  const subnets = prefixes.map((subnet): WantedSubnet => {
    const ofIt = (texts: readonly string[]): string[] =>
      texts.filter((text) => familyOf(text) === familyOf(subnet));
    const [gateway = ''] = atMostOne('gateway', ofIt(all.gateways));
    const [range = ''] = atMostOne('ip-range', ofIt(all.ranges));
    return { subnet, gateway, range, aux: ofIt(all.aux) };
  });
  const pool = (subnet: string): WantedSubnet => ({ subnet, gateway: '', range: '', aux: [] });
  if (subnets.length === 0) subnets.push(pool('4'));
  if (values['ipv6'] === true && !subnets.some(({ subnet }) => familyOf(subnet) === '6'))
    subnets.push(pool('6'));
  return subnets;
}

function familyOf(text: string): string {
  return text === '6' || text.slice(text.indexOf('=') + 1).includes(':') ? '6' : '4';
}

function atMostOne(option: string, texts: readonly string[]): readonly string[] {
  if (texts.length <= 1) return texts;
  throw new WeftError('WEFT_USAGE', `--${option} is given twice for one subnet`, {
    fix: 'give one of each family at most',
  });
}

function numberIn(values: Values, option: string): number | undefined {
  const text = textOf(values, option);
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= NUMBER_LIMIT) return number;
  throw new WeftError('WEFT_USAGE', `--${option} cannot be ${JSON.stringify(text)}`, {
    fix: 'give a whole number',
  });
}
