export{c2_a as a,c2_b as b}from"../sign.js";
