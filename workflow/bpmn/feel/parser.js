// Stands in for @bpmn-io/lezer-feel inside the bundle: the same parser, but a text is parsed once.
// That is allowed because our variables are plain identifiers: which names the context holds changes a tree
// only for names with spaces or operators in them.
import { normalizeContextKey, parser as original, trackVariables as track } from "./node_modules/@bpmn-io/lezer-feel/dist/index.js";

export { normalizeContextKey };

const MOST_TREES = 2000;
const LONGEST_KEPT = 500;
const tops = {};

export const trackVariables = () => null;

export const parser = {
  configure({ top }) {
    tops[top] ??= caching(original.configure({ top, contextTracker: track({}) }));
    return tops[top];
  },
};

function caching(configured) {
  const trees = new Map();
  return {
    parse(text) {
      let tree = trees.get(text);
      if (!tree) {
        tree = configured.parse(text);
        if (trees.size >= MOST_TREES) trees.clear();
        if (text.length <= LONGEST_KEPT) trees.set(text, tree);
      }
      return tree;
    },
  };
}
