import type { TocsinError } from '../../sdk/src/sdk.ts';

/** An `onError` whose calls can be awaited one by one. */
export class ErrorLog {
  readonly errors: TocsinError[] = [];
  #taken = 0;
  #arrived: (() => void) | undefined;

  readonly onError = (error: TocsinError): void => {
    this.errors.push(error);
    this.#arrived?.();
  };

  async next(): Promise<TocsinError> {
    while (this.errors.length <= this.#taken) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.errors[this.#taken++]!;
  }
}
