export{c1_a as a}from"../sign.js";
