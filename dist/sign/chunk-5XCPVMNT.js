export{c2_a as a}from"../sign.js";
