export { refuseBesideForeign } from "./guard";
export { ForeignWatch } from "./watch";
