import t from 'tap';
import { alertText } from '../server/monitor-text.ts';

t.test('an alert that nobody has got yet does not say that it was told', (t) => {
  const entry = { channel: 'ops', said: 'down' as const, atMs: 0, lastMs: 0, reminders: 0, pending: true };
  const textOf = (told: (typeof entry)[]) => alertText({ state: 'told', told, heldBy: '', silences: [] });
  t.equal(textOf([entry]), 'Nobody has it yet: it waits to be delivered.');
  t.equal(textOf([entry, { ...entry, channel: 'boss', pending: false }]), 'It was told.');
  t.equal(textOf([{ ...entry, reminders: 1 }]), 'It was told.', 'it may be the reminder that waits');
  t.end();
});
