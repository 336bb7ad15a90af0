export{c6_a as a,c6_b as b,c6_c as c,c6_d as d,c6_e as e,c6_f as f}from"../sign.js";
