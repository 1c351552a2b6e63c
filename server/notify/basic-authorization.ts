/** The credentials of a URL as the value of an Authorization header; '' when there are none. */
export function basicAuthorization({ username, password }: URL): string {
  if (username === '' && password === '') return '';
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray % stands for itself.
    return text;
  }
}
