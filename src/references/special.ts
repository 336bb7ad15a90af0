import type { YamlNode } from '../text/yaml-node.ts';
import type { ImageUse } from './image-use.ts';

/** What a kind has besides fields that name images. */
export interface Special {
  readonly uses: readonly ImageUse[];
  /** nodes that are read with it, or that name no image */
  readonly taken: readonly YamlNode[];
  /** names of containers whose blank image a trigger fills in */
  readonly triggered?: readonly string[];
}

export const nothing: Special = { uses: [], taken: [] };
