/** What the feed keeps of a change: enough to find out whom it concerns. The state is read when it is sent. */
export type FeedChange = {
  /** Grows with each change of this process. */
  number: number;
  /** Of the monitor. Never used again, so a monitor that is made anew under the name of one that is gone is another. */
  id: number;
  name: string;
  tags: readonly string[];
  tagsBefore: readonly string[];
  /** False: a beat that moved a deadline, and no more. */
  notable: boolean;
};
