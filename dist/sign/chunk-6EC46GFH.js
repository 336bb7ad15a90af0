export{c3_a as a,c3_b as b}from"../sign.js";
