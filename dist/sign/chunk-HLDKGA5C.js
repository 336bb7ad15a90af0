export{c10_a as a}from"../sign.js";
