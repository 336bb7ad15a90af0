export{c4_a as a,c4_b as b}from"../sign.js";
