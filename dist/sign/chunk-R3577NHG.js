export{c19_a as a,c19_b as b}from"../sign.js";
