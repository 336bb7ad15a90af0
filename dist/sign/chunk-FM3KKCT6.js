export{c9_a as a}from"../sign.js";
