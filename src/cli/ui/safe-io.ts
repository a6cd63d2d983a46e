import { terminalText } from '../../core/unseen.ts';
import type { Io } from './io.ts';
import { styleFor } from './style.ts';

/**
 * The outside world as a command is given it: whatever it quotes, nothing that does not show reaches the terminal, or
 * hides in a result.
 */
export function safeIo(io: Io): Io {
  const shown = (stream: 'out' | 'err', text: string): string =>
    terminalText(text, styleFor(io, { color: true }, stream).isColorSupported);
  const { ask } = io;
  return {
    ...io,
    out: (text, form) => io.out(form === 'exact' && !io.outIsTerminal ? text : shown('out', text)),
    err: (text) => io.err(shown('err', text)),
    ...(ask ? { ask: (question: string) => ask(shown('err', question)) } : {}),
  };
}
