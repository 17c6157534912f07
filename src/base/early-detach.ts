/**
 * Detaches an ArrayBuffer while there is nothing to lose by it. As long as a thread never has, V8 compiles what works on typed arrays, which here
 * is nearly all that is called often, without asking whether their memory is still there. The first buffer that goes to another thread ends that: all
 * such code is thrown away and compiled anew. That would be when the first chunk is full and a job gets its part of the index, under full load.
 */
export function detachEarly(): void {
  const buffer = new ArrayBuffer(1);
  structuredClone(buffer, { transfer: [buffer] });
}
