/** Words of wireguard-go's own source. */

export const PROGRAM = 'wireguard-go';

/** Where the one of a device listens for `wg`. */
export function socketOf(link: string): string {
  return `/var/run/wireguard/${link}.sock`;
}
