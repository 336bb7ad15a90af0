export{c15_a as a,c15_b as b,c15_c as c,c15_d as d}from"../sign.js";
