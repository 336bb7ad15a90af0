export{c12_a as a}from"../sign.js";
