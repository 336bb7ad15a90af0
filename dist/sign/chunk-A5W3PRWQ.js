export{c3_a as a}from"../sign.js";
