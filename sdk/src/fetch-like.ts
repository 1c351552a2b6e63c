/** What the SDK needs of `fetch`; the platform's own fits. */
export type FetchLike = (
  url: string,
  init: {
    method: 'POST';
    headers: Record<string, string>;
    body: string;
    redirect: 'manual';
    // biome-ignore lint/suspicious/noExplicitAny: naming AbortSignal would make the types need those of DOM or Node.
    signal: any;
  },
) => Promise<{ status: number; text(): Promise<string>; body?: unknown }>;
