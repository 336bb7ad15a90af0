export{c4_a as a,c4_b as b,c4_c as c,c4_d as d}from"../sign.js";
