/** Which addresses only this machine can reach. Pure. */

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1)$/;

/** Whether `address`, an IP address in text form, is a loopback address. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address);
}
