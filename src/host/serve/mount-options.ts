/** How a mount looks to the kernel; the rest of `-o` belongs to the file system. */
export interface FuseMountOptions {
  /** First column of df and the mount table. */
  readonly source: string;
  /** Shown as `fuse.SUBTYPE`. */
  readonly subtype: string;
  /** Users other than the owner may use it. */
  readonly allowOther: boolean;
  readonly readOnly: boolean;
}
