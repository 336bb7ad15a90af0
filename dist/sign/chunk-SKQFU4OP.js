export{c18_a as a}from"../sign.js";
