import t from 'tap';
import { jsonProblem } from '../../../server/transport/codec/json-problem.ts';

function problemOf(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return jsonProblem(error as Error);
  }
  throw new Error('it is valid');
}

t.test('nothing of the text is repeated', (t) => {
  const secret = 'hunter2';
  const broken = [
    `${secret}`,
    `{"password": ${secret}}`,
    `{"password": "${secret}"x}`,
    `{"password": "${secret}", oops}`,
    `{"password": "${secret}`,
    `{"password": "\\q${secret}"}`,
    `{"password": "${secret}\n"}`,
    `{"password": "${secret}"}x`,
    `["${secret}",]`,
    `["${'x'.repeat(90)}", "${secret}", ?, "${'x'.repeat(90)}"]`,
  ];
  for (const [index, text] of broken.entries()) t.notMatch(problemOf(text), secret.slice(1, 4), `text ${index + 1}`);
  t.end();
});

t.test('what is wrong, and where, is said', (t) => {
  t.equal(problemOf('{"a": tru}'), "Unexpected token '}'");
  t.equal(problemOf('{"a": "}'), 'Unterminated string in JSON at position 8 (line 1 column 9)');
  t.equal(problemOf(''), 'Unexpected end of JSON input');
  t.equal(problemOf('[",]"'), "Expected ',' or ']' after array element in JSON at position 5 (line 1 column 6)");
  t.equal(problemOf('""a"'), 'Unexpected non-whitespace character after JSON at position 2 (line 1 column 3)');
  t.end();
});
